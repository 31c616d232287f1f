//! What the part that writes messages knows about templates and logos. This crate may not
//! depend on it, so the binary lends it.

use crate::error::{Error, Result, ValidationErrors};
use crate::state::Context;
use cresset_catalog::port::RuleWithOwner;
use cresset_model::incident::Incident;
use std::sync::Arc;

/// Says what is wrong with a template, and in which line.
pub type CheckTemplate = Arc<dyn Fn(&str) -> std::result::Result<(), String> + Send + Sync>;
/// Says what is wrong with the logo of an e-mail; takes `logo_enable`, `logo_type` and `logo`.
pub type CheckLogo = Arc<dyn Fn(bool, &str, &str) -> std::result::Result<(), String> + Send + Sync>;
/// Renders a rule's own view of an incident; `None` if the rule has none.
pub type IncidentView = Arc<dyn Fn(&Incident, &RuleWithOwner) -> Option<String> + Send + Sync>;

/// What is lent.
#[derive(Clone)]
pub struct Messages {
    /// Checks a template; may take a moment.
    pub check_template: CheckTemplate,
    /// Checks a logo.
    pub check_logo: CheckLogo,
    /// Renders an incident; may take some seconds.
    pub incident_view: IncidentView,
}

impl Context {
    /// Notes what is wrong with templates, each under the path of its field.
    pub(crate) async fn refuse_templates(
        &self,
        templates: Vec<(&'static [&'static str], String)>,
        errors: &mut ValidationErrors,
    ) -> Result<()> {
        let written: Vec<_> = templates
            .into_iter()
            .filter(|(_, source)| source.contains('{'))
            .collect();
        if written.is_empty() {
            return Ok(());
        }
        let check = Arc::clone(&self.messages.check_template);
        let problems = self
            .render(move || {
                let problem = |(path, source): (_, String)| Some((path, check(&source).err()?));
                written.into_iter().filter_map(problem).collect::<Vec<_>>()
            })
            .await?;
        for (path, problem) in problems {
            errors.add(path, format!("is no template that can be used: {problem}"));
        }
        Ok(())
    }

    /// The rule's own view of an incident, if the rule is still there and has one.
    pub(crate) async fn incident_view(
        &self,
        incident: Incident,
    ) -> Result<(Incident, Option<String>)> {
        let rule = self.catalog.rule(incident.rule_id).await?;
        let wanted =
            |rule: &RuleWithOwner| rule.rule.spec.incident_display_data.apply_jinja_template;
        let Some(rule) = rule.filter(wanted) else {
            return Ok((incident, None));
        };
        let view = Arc::clone(&self.messages.incident_view);
        self.render(move || {
            let text = view(&incident, &rule);
            (incident, text)
        })
        .await
    }

    /// Does `work` on a thread that may block. Few do at a time: it is work for the
    /// processor and reserves a large stack.
    async fn render<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.rendering).acquire_owned().await;
        let place = place.map_err(|error| Error::Internal(error.to_string()))?;
        let done = tokio::task::spawn_blocking(move || {
            // It stays taken while the thread works, even if the client has gone.
            let _place = place;
            work()
        });
        done.await
            .map_err(|error| Error::Internal(error.to_string()))
    }
}

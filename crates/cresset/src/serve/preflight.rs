//! What a configuration names is opened and read, before anything is started.
//!
//! `cresset check` and the server both come through here, so their verdicts agree.

use super::{bucket, listen, parts, syslog};
use crate::config::{Config, Problem, Sources, draft};
use cresset_ingest::SetupError;
use cresset_notify::EgressGuard;
use cresset_notify::email::EmailSender;
use std::sync::Arc;

/// Loads the configuration and reads the certificates, passwords and keys that it names.
pub(crate) fn load_checked(sources: &Sources) -> Result<Config, Vec<Problem>> {
    let (config, mut problems) = draft(sources);
    // Of what is known to be wrong nothing more is to be learnt by opening it.
    let fine = |section: &str| !problems.iter().any(|p| p.message.contains(section));
    let (tls_fine, smtp_fine, s3_fine) = (fine("tls."), fine("smtp."), fine("s3."));
    let syslog_tls_fine = tls_fine && fine("ingest.syslog_tls");
    let mut note = |place: &str, error: anyhow::Error| {
        problems.push(Problem {
            place: place.to_owned(),
            message: format!("{error:#}"),
            help: None,
        });
    };
    if let Some(tls) = config.tls.as_ref().filter(|_| tls_fine)
        && let Err(error) = listen::acceptor(tls)
    {
        note("[tls]", error);
    }
    if syslog_tls_fine && let Err(error) = syslog::check(&config) {
        note("[ingest]", error);
    }
    if let Some(smtp) = config.smtp.as_ref().filter(|_| smtp_fine) {
        let guard = Arc::new(EgressGuard::new(config.egress_allow.clone()));
        let sender = parts::smtp_settings(smtp).and_then(|s| Ok(EmailSender::new(s, guard)?));
        if let Err(error) = sender {
            note("[smtp]", error);
        }
    }
    if let Some(s3) = config.s3.as_ref().filter(|_| s3_fine)
        && let Err(error) = bucket::connect(s3)
    {
        note("[s3]", error);
    }
    problems.extend(mistakes_in_signatures(&config));
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems)
    }
}

/// What is wrong with the operator's signatures, tests that fail included.
fn mistakes_in_signatures(config: &Config) -> Vec<Problem> {
    let settings = parts::ingest_settings(config);
    let found = match &settings {
        Ok(settings) => cresset_ingest::signature_problems(settings),
        Err(error) => vec![error.clone()],
    };
    let problem = |error: SetupError| match error {
        SetupError::Data { file, detail } => Problem {
            place: file,
            message: detail,
            help: None,
        },
        other @ SetupError::TimeZone(_) => Problem {
            place: "ingest.signatures".to_owned(),
            message: other.to_string(),
            help: None,
        },
    };
    found.into_iter().map(problem).collect()
}

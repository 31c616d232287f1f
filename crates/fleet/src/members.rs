//! The registered instances, each with a client that is kept as long as its settings stay.

use crate::health::look;
use crate::member::Member;
use crate::silence::Silence;
use cresset_catalog::Catalog;
use cresset_model::Clock;
use cresset_model::instance::{Instance, InstanceHealth};
use cresset_model::{ObjectId, SecretString};
use futures::StreamExt as _;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration as Span;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Makes the HTTP client for an instance: it decides which certificates are trusted and
/// which addresses may be reached. The error is for people.
pub type Connect = dyn Fn(&Instance) -> Result<reqwest::Client, String> + Send + Sync;

/// How often instances are looked at.
const EVERY: Span = Span::from_secs(30);
/// Instances that are looked at at the same time.
const AT_ONCE: usize = 16;

/// All registered instances. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Members(Arc<Inner>);

struct Inner {
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    connect: Box<Connect>,
    changed: Notify,
    known: Mutex<HashMap<ObjectId, (Instance, Arc<Member>)>>,
    looked_at: Mutex<HashMap<ObjectId, LookedAt>>,
}

/// What was told of an instance after the last look.
struct LookedAt {
    name: String,
    silence: Option<Silence>,
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Members")
    }
}

impl Members {
    /// The instances of a catalog.
    pub fn new(catalog: Arc<dyn Catalog>, clock: Arc<dyn Clock>, connect: Box<Connect>) -> Self {
        Self(Arc::new(Inner {
            catalog,
            clock,
            connect,
            changed: Notify::new(),
            known: Mutex::default(),
            looked_at: Mutex::default(),
        }))
    }

    /// Looks at all instances soon: some may be new.
    pub fn changed(&self) {
        self.0.changed.notify_one();
    }

    /// The instances as they are registered now.
    pub async fn instances(&self) -> cresset_catalog::Result<Vec<Instance>> {
        self.0.catalog.instances().await
    }

    /// Why asking an instance would be in vain and take long, as far as the last look by
    /// [`watch`](Self::watch) can tell.
    pub(crate) fn silent(&self, id: ObjectId) -> Option<String> {
        let looked_at = self.0.looked_at.lock();
        let silence = looked_at.get(&id)?.silence.as_ref()?;
        silence.lasts(self.0.clock.now()).map(str::to_owned)
    }

    /// A client of an instance; the error is for people.
    pub async fn member(&self, instance: &Instance) -> Result<Arc<Member>, String> {
        let settings = Instance {
            health: InstanceHealth::default(),
            ..instance.clone()
        };
        // Another process may have replaced it.
        let key = self.0.catalog.instance_key(instance.id).await;
        let key = key.map_err(|e| e.to_string())?;
        if let Some((known, member)) = self.0.known.lock().get(&instance.id)
            && *known == settings
            && member.has_key(&key)
        {
            return Ok(Arc::clone(member));
        }
        let member = Arc::new(self.build(instance, key)?);
        let mut known = self.0.known.lock();
        known.insert(instance.id, (settings, Arc::clone(&member)));
        Ok(member)
    }

    fn build(&self, instance: &Instance, key: SecretString) -> Result<Member, String> {
        let http = (self.0.connect)(instance)?;
        let clock = Arc::clone(&self.0.clock);
        Ok(Member::new(
            http,
            clock,
            &instance.name,
            &instance.url,
            &instance.user,
            key,
        ))
    }

    /// Looks at all instances again and again and keeps what is found.
    pub async fn watch(self, mut shutdown: watch::Receiver<bool>) {
        let looking = async {
            loop {
                self.look_at_all().await;
                tokio::select! {
                    () = self.0.changed.notified() => {}
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        };
        tokio::select! {
            () = looking => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
    }

    async fn look_at_all(&self) {
        let instances = match self.instances().await {
            Ok(instances) => instances,
            Err(error) => {
                tracing::warn!(%error, "the instances could not be read");
                return;
            }
        };
        let there = |id: &ObjectId| instances.iter().any(|i| i.id == *id);
        self.0.known.lock().retain(|id, _| there(id));
        self.0.looked_at.lock().retain(|id, gone| {
            if !there(id) {
                up(&gone.name).set(f64::NAN);
            }
            there(id)
        });
        futures::stream::iter(instances)
            .for_each_concurrent(AT_ONCE, |instance| async move {
                self.look_at(&instance).await;
            })
            .await;
    }

    async fn look_at(&self, instance: &Instance) {
        let now = self.0.clock.now();
        let before = &instance.health;
        let started = Instant::now();
        let health = match self.member(instance).await {
            Ok(member) => look(&member, now, before).await,
            Err(error) => InstanceHealth {
                checked_at: Some(now),
                error: Some(error),
                ..before.clone()
            },
        };
        let name = &instance.name;
        up(name).set(f64::from(u8::from(health.is_up())));
        let looked_at = LookedAt {
            name: name.clone(),
            silence: Silence::after(&health, started.elapsed(), self.0.clock.now()),
        };
        self.0.looked_at.lock().insert(instance.id, looked_at);
        match &health.error {
            Some(error) if before.error.is_none() => {
                tracing::warn!(instance = name, error, "an instance does not answer");
            }
            None if before.error.is_some() => {
                tracing::info!(instance = name, "an instance answers again");
            }
            _ => {}
        }
        if let Err(error) = self.0.catalog.record_health(instance.id, &health).await {
            tracing::warn!(instance = name, %error, "an instance's health could not be kept");
        }
    }
}

/// Whether an instance answers; NaN when there is none of that name any more.
fn up(name: &str) -> metrics::Gauge {
    metrics::gauge!("cresset_instance_up", "instance" => name.to_owned())
}

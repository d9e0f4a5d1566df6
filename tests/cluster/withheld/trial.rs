//! One permission, taken away and given back.

use crate::harness::{
    Permission, REFUSED, Scope, Simulator, Stand, eventually, existing_cluster, within,
};
use std::time::{Duration, Instant};

/// How long it is seen that nothing comes.
const HOLD: Duration = Duration::from_secs(2);
/// So many refused requests a second are no retries any more.
const SPINNING: f64 = 10.0;
/// The pauses after failures have grown while the permission was away.
const RECOVERY: Duration = Duration::from_secs(90);

/// A stand whose operators lack one permission, once it is taken away.
pub struct Trial {
    pub stand: Stand,
    permission: Permission,
}

/// A permission as in the table of docs/permissions.md.
pub fn row_of(permission: &Permission, operators: &str) -> String {
    let place = match permission.namespace.as_deref() {
        None => "cluster",
        Some("default") => "default",
        Some(namespace) if namespace == operators => "own",
        Some(_) => "served",
    };
    let group = match permission.group.as_str() {
        "" | "viis-operator.io" => String::new(),
        group => format!("{group}/"),
    };
    let limited = permission.name.as_ref().map_or("", |_| ", of its name");
    format!(
        "{group}{} {}, {place}{limited}",
        permission.resource, permission.verb
    )
}

impl Trial {
    /// Everything but the operator, with all permissions.
    pub async fn of(row: &str) -> Trial {
        let stand = Stand::serving(Simulator::start(&[]), Scope::Chosen).await;
        let permissions = stand.roles().permissions();
        let operators = &stand.operator_namespace;
        let found = permissions
            .into_iter()
            .find(|found| row_of(found, operators) == row);
        let permission = found.unwrap_or_else(|| panic!("the roles do not allow: {row}"));
        Trial { stand, permission }
    }

    /// Takes the permission away.
    pub async fn withhold(&mut self) {
        self.stand.lacks_permissions = true;
        self.stand.withhold(&self.permission).await;
    }

    /// Takes the permission away and starts an operator.
    pub async fn starts_without(&mut self, flags: &[&str]) {
        self.withhold().await;
        self.stand.start_operator_with(flags);
    }

    /// Nothing comes until the permission is given back, and then it does.
    pub async fn comes_with_it(self, what: &str, has_come: impl AsyncFn(&Stand) -> bool) {
        self.comes_once_asked_again(what, has_come, async |_| {})
            .await;
    }

    /// The same, of what is not tried again by itself.
    pub async fn comes_once_asked_again(
        self,
        what: &str,
        has_come: impl AsyncFn(&Stand) -> bool,
        ask: impl AsyncFn(&Stand),
    ) {
        let Trial { stand, permission } = &self;
        eventually(
            &format!("it says that it may not {permission}"),
            async || self.is_said().await,
        )
        .await;
        let (since, refused) = (Instant::now(), stand.refused_requests().await);
        while since.elapsed() < HOLD {
            assert!(
                !has_come(stand).await,
                "{what}: although it may not {permission}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // On somebody else's cluster others are refused something, too.
        let often = (stand.refused_requests().await - refused) / since.elapsed().as_secs_f64();
        let spins = often > SPINNING && !existing_cluster();
        assert!(!spins, "{often} requests a second were refused");
        let operator = stand.operator.as_ref().unwrap();
        assert!(operator.is_running(), "it ended");
        stand.grant().await;
        ask(stand).await;
        within(RECOVERY, what, async || has_come(stand).await).await;
        self.stand.ends_well().await;
    }

    /// A warning, or a condition, names verb and resource and says what to do.
    async fn is_said(&self) -> bool {
        let Permission { verb, resource, .. } = &self.permission;
        let log = self.stand.operator.as_ref().unwrap().log();
        let warned = log.lines().any(|line| {
            line.contains("WARN")
                && line.contains(REFUSED)
                && line.contains(&format!("cannot {verb} resource \"{resource}\""))
                && line.contains("service account to the roles that come with the operator")
        });
        let kind = match resource.as_str() {
            "configmaps" => "ConfigMap",
            _ => "Secret",
        };
        let shown = format!("may not {verb} {kind}");
        let advice = "service account to the roles that come with the operator.";
        let resources = self.stand.resources_as_text().await;
        warned || resources.contains(&shown) && resources.contains(advice)
    }
}

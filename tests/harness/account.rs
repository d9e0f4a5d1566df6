//! The operator as the API server knows it: a ServiceAccount with the chart's roles
//! and nothing else. Its token alone is what operators of a stand log in with.

use super::roles::{ACCOUNT, Permission, Roles, permissions_of};
use super::stand::{Stand, TEST_LABEL, eventually};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;

/// Longer than any run of the tests.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;

/// Who has the token.
pub struct Account {
    kubeconfig: tempfile::NamedTempFile,
    /// Speaks to the API server as an operator does.
    pub client: kube::Client,
}

impl Account {
    /// A kubeconfig that holds this token and no other credentials.
    async fn with(administrators: &Path, token: &str) -> Account {
        let text = std::fs::read_to_string(administrators).unwrap();
        let mut config: Value = serde_saphyr::from_str(&text).unwrap();
        for user in config["users"].as_array_mut().unwrap() {
            user["user"] = json!({"token": token});
        }
        let mut kubeconfig = tempfile::NamedTempFile::new().unwrap();
        kubeconfig.write_all(config.to_string().as_bytes()).unwrap();
        let read = Kubeconfig::read_from(kubeconfig.path()).unwrap();
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(read, &options).await;
        let client = kube::Client::try_from(config.unwrap()).unwrap();
        Account { kubeconfig, client }
    }

    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// What the authorizer says to whoever has the token.
    pub async fn may(&self, permission: &Permission) -> bool {
        self.asks(permission).await.unwrap()
    }

    async fn asks(&self, permission: &Permission) -> kube::Result<bool> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": permission.question()},
        });
        let review: SelfSubjectAccessReview = serde_json::from_value(review).unwrap();
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let answer = api.create(&PostParams::default(), &review).await;
        answer.map(|review| review.status.unwrap().allowed)
    }
}

impl Stand {
    /// Makes the ServiceAccount and its roles; ends when the authorizer knows them.
    pub(super) async fn account_with(&self, roles: &Roles) -> Account {
        self.apply([roles.account.clone().labelled(TEST_LABEL)])
            .await;
        self.allow(roles).await;
        let api: Api<ServiceAccount> =
            Api::namespaced(self.client.clone(), &self.operator_namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let made = api
            .create_token_request(ACCOUNT, &PostParams::default(), &request)
            .await;
        let token = made.unwrap().status.unwrap().token;
        self.remember(&token);
        let account = Account::with(&self.lease.plane().kubeconfig, &token).await;
        // A role is known as a whole.
        let one_of_each = roles
            .roles
            .iter()
            .map(|role| permissions_of(role).remove(0));
        knows(&account, one_of_each).await;
        account
    }

    async fn allow(&self, roles: &Roles) {
        let all = roles.roles.iter().chain(&roles.bindings);
        let applied = all.map(|manifest| self.apply([manifest.clone().labelled(TEST_LABEL)]));
        futures::future::join_all(applied).await;
    }

    /// The roles of an operator that serves what this stand has it serve now.
    pub fn roles(&self) -> Roles {
        Roles::rendered(&self.operator_namespace, &self.watched)
    }

    /// Grants what [`Self::roles`] says; ends when the authorizer knows it.
    pub async fn grant(&self) {
        let roles = self.roles();
        self.allow(&roles).await;
        knows(self.account(), roles.permissions()).await;
    }

    /// Takes one permission away; ends when the authorizer knows it.
    pub async fn withhold(&self, permission: &Permission) {
        let reduced = self.roles().without(permission);
        self.apply([reduced.labelled(TEST_LABEL)]).await;
        eventually("the authorizer denies it", async || {
            !self.account().may(permission).await
        })
        .await;
    }
}

/// A token is refused for a moment, until its account is known.
async fn knows(account: &Account, permissions: impl IntoIterator<Item = Permission>) {
    let each = permissions.into_iter().map(|permission| async move {
        eventually(
            &format!("the authorizer allows to {permission}"),
            async || account.asks(&permission).await.is_ok_and(|allowed| allowed),
        )
        .await;
    });
    futures::future::join_all(each).await;
}

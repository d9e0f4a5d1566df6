//! Making a stand clean at the start: a test that failed cannot tidy up.

use super::manifests::Manifest;
use super::plane::existing_cluster;
use super::stand::{OUR_KINDS, Stand, TEST_LABEL, eventually, ours};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::json;
use std::collections::BTreeSet;

impl Stand {
    /// Removes what earlier tests left; on a cluster of somebody else that alone.
    pub(super) async fn clean(&self) {
        let namespaces = self.namespaces_of_tests().await;
        for kind in OUR_KINDS {
            for object in self.all_of(kind).await {
                if !existing_cluster() || is_of_tests(&object, &namespaces) {
                    self.remove(kind, object).await;
                }
            }
            eventually("the plane is clean", async || {
                let left = self.all_of(kind).await;
                left.iter()
                    .all(|object| existing_cluster() && !is_of_tests(object, &namespaces))
            })
            .await;
        }
        let api: Api<Namespace> = Api::all(self.client.clone());
        for name in namespaces {
            let _ = api.delete(&name, &Default::default()).await;
        }
        self.clean_roles().await;
    }

    /// Those of operators' that no namespace takes with it.
    async fn clean_roles(&self) {
        let client = || self.client.clone();
        let bindings: Api<RoleBinding> = Api::namespaced(client(), "default");
        let roles: Api<Role> = Api::namespaced(client(), "default");
        delete_labelled(bindings).await;
        delete_labelled(roles).await;
        delete_labelled::<ClusterRoleBinding>(Api::all(client())).await;
        delete_labelled::<ClusterRole>(Api::all(client())).await;
    }

    /// All objects of one of our kinds; none when the kind is not there.
    pub(super) async fn all_of(&self, kind: &str) -> Vec<DynamicObject> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &ours(kind));
        match api.list(&ListParams::default()).await {
            Ok(list) => list.items,
            Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
            Err(error) => panic!("the {kind}s cannot be listed: {error}"),
        }
    }

    async fn remove(&self, kind: &str, object: DynamicObject) {
        let api: Api<DynamicObject> = match object.metadata.namespace.as_deref() {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &ours(kind)),
            None => Api::all_with(self.client.clone(), &ours(kind)),
        };
        let name = object.metadata.name.unwrap_or_default();
        let freed = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let _ = api.patch(&name, &PatchParams::default(), &freed).await;
        let _ = api.delete(&name, &Default::default()).await;
    }

    pub(super) async fn namespaces_of_tests(&self) -> BTreeSet<String> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let old = ListParams::default().labels(TEST_LABEL);
        let found = api.list(&old).await.unwrap().items.into_iter();
        found
            .filter_map(|namespace| namespace.metadata.name)
            .collect()
    }

    /// Applies the CRDs and waits until they are served.
    pub async fn install_crds(&self) {
        // What a test has deleted is served until it is gone, and not after.
        eventually("no CRD is being deleted", async || {
            let api: Api<CustomResourceDefinition> = Api::all(self.client.clone());
            let crds = api.list_metadata(&ListParams::default()).await.unwrap();
            crds.items
                .iter()
                .all(|crd| crd.metadata.deletion_timestamp.is_none())
        })
        .await;
        let text = viis_operator::api::crds::yaml().unwrap();
        for document in text.split("\n---") {
            let document = document.trim_start_matches("---");
            if document.trim().is_empty() {
                continue;
            }
            let manifest = Manifest(serde_saphyr::from_str(document).unwrap());
            self.apply([manifest]).await;
        }
        eventually("the CRDs are served", async || {
            for kind in OUR_KINDS {
                let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &ours(kind));
                if api.list(&ListParams::default()).await.is_err() {
                    return false;
                }
            }
            true
        })
        .await;
    }
}

async fn delete_labelled<K>(api: Api<K>)
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let ours = ListParams::default().labels(TEST_LABEL);
    let deleted = api.delete_collection(&Default::default(), &ours).await;
    assert!(deleted.is_ok(), "{deleted:?}");
}

/// Made by a test: it, or its namespace, has the label.
pub(super) fn is_of_tests(object: &DynamicObject, namespaces: &BTreeSet<String>) -> bool {
    let labelled = object.metadata.labels.as_ref();
    let namespace = object.metadata.namespace.as_ref();
    labelled.is_some_and(|labels| labels.contains_key(TEST_LABEL))
        || namespace.is_some_and(|namespace| namespaces.contains(namespace))
}

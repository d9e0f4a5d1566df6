//! Making a stand clean at the start: a test that failed cannot tidy up.

use super::manifests::Manifest;
use super::plane::existing_cluster;
use super::stand::{OUR_KINDS, Stand, TEST_LABEL, eventually, ours};
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::json;

impl Stand {
    pub(super) async fn clean(&self) {
        if existing_cluster() {
            return;
        }
        for (kind, namespaced) in OUR_KINDS {
            let all: Api<DynamicObject> = Api::all_with(self.client.clone(), &ours(kind));
            // No such kind: nothing to remove.
            let Ok(list) = all.list(&ListParams::default()).await else {
                continue;
            };
            for object in list.items {
                let api: Api<DynamicObject> = match object.metadata.namespace.as_deref() {
                    Some(namespace) if namespaced => {
                        Api::namespaced_with(self.client.clone(), namespace, &ours(kind))
                    }
                    _ => all.clone(),
                };
                let name = object.metadata.name.unwrap_or_default();
                let freed = Patch::Merge(json!({"metadata": {"finalizers": null}}));
                let _ = api.patch(&name, &PatchParams::default(), &freed).await;
                let _ = api.delete(&name, &Default::default()).await;
            }
            eventually("the plane is clean", async || {
                all.list(&ListParams::default())
                    .await
                    .unwrap()
                    .items
                    .is_empty()
            })
            .await;
        }
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.client.clone());
        let old = ListParams::default().labels(TEST_LABEL);
        for namespace in namespaces.list(&old).await.unwrap().items {
            if namespace.metadata.deletion_timestamp.is_none() {
                let _ = namespaces
                    .delete(
                        &namespace.metadata.name.unwrap_or_default(),
                        &Default::default(),
                    )
                    .await;
            }
        }
    }

    /// Applies the CRDs and waits until they are served.
    pub async fn install_crds(&self) {
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
            for (kind, _) in OUR_KINDS {
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

//! Each permission of the chart's roles is taken away in turn: what it is for does not
//! happen then, the operator says which one it lacks and what to do, and it goes on by
//! itself when it has it. No permission of the roles is without such a test.

mod scenarios;
mod trial;

use self::trial::{Trial, row_of};
use crate::harness::Roles;
use std::collections::BTreeSet;

/// A test for each: what is named on the right does not come without what is on the left.
/// The left side is as in the table of docs/permissions.md: resource, verb, where.
macro_rules! withheld {
    ($($row:literal => $lost:ident,)*) => {
        const ROWS: &[&str] = &[$($row),*];

        mod without_its_permission {
            $(
                #[tokio::test]
                async fn $lost() {
                    super::scenarios::$lost(super::Trial::of($row).await).await;
                }
            )*
        }
    };
}

withheld! {
    "integrationservers list, cluster" => a_server_is_not_seen,
    "integrationservers watch, cluster" => a_server_is_not_followed,
    "integrationservers patch, cluster" => a_server_gets_no_finalizer,
    "integrationservers/status patch, cluster" => a_server_gets_no_status,
    "namespaces list, cluster" => no_namespace_is_known,
    "namespaces watch, cluster" => a_new_label_gives_no_right,
    "tenants list, served" => a_tenant_is_not_seen,
    "tenants watch, served" => a_tenant_is_not_followed,
    "tenants get, served" => a_deletion_is_not_repeated,
    "tenants patch, served" => a_tenant_gets_no_finalizer,
    "tenants/status patch, served" => a_tenant_is_not_created,
    "virtualmachines list, served" => a_tenant_is_not_deleted,
    "virtualmachines watch, served" => a_machine_is_not_followed,
    "virtualmachines patch, served" => a_machine_is_not_registered,
    "virtualmachines/status patch, served" => a_machine_gets_no_status,
    "secrets get, served" => a_complete_tenant_is_not_created,
    "secrets get, own" => a_server_is_not_logged_in_to,
    "configmaps get, own" => a_config_map_with_authorities_is_not_read,
    "events.k8s.io/events create, served" => a_tenant_has_no_events,
    "events.k8s.io/events patch, served" => a_tenants_events_are_not_counted,
    "events.k8s.io/events create, default" => a_server_has_no_events,
    "events.k8s.io/events patch, default" => a_servers_events_are_not_counted,
    "coordination.k8s.io/leases get, own, of its name" => the_lease_is_not_seen,
    "coordination.k8s.io/leases update, own, of its name" => the_lease_is_not_taken,
    "coordination.k8s.io/leases create, own" => the_lease_is_not_made,
}

/// What the chart allows is tested above, and nothing else is.
#[test]
fn each_permission_has_its_test() {
    let tested: BTreeSet<String> = ROWS.iter().map(|&row| row.to_owned()).collect();
    let rows = |served: &[String]| -> BTreeSet<String> {
        let permissions = Roles::rendered("operators", served).permissions();
        permissions
            .iter()
            .map(|permission| row_of(permission, "operators"))
            .collect()
    };
    assert_eq!(rows(&["customers".to_owned()]), tested);
    // One ClusterRole allows the same for all namespaces.
    let merged = tested.iter().map(|row| {
        row.replace(", served", ", cluster")
            .replace(", default", ", cluster")
    });
    assert_eq!(rows(&[]), merged.collect());
}

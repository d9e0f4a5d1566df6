//! The three CustomResourceDefinitions, as YAML. Touches no file and no cluster.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::Value;

use super::{IntegrationServer, Tenant, VirtualMachine};

/// A definition could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("write the CustomResourceDefinition {name} as YAML")]
pub struct WriteCrdError {
    name: &'static str,
    source: WriteYamlError,
}

/// Why a definition could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteYamlError {
    /// It is no JSON value.
    #[error("turn the definition into JSON")]
    Json(#[from] serde_json::Error),
    /// It is no YAML document.
    #[error("turn the definition into YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
}

/// One file of `crds/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrdFile {
    /// The file's name in `crds/`.
    pub name: String,
    /// What it holds: one YAML document that begins with `---`.
    pub yaml: String,
}

/// All definitions, the referred ones first.
#[must_use]
pub fn all() -> [CustomResourceDefinition; 3] {
    [
        definition::<IntegrationServer>(),
        definition::<Tenant>(),
        definition::<VirtualMachine>(),
    ]
}

/// A definition without `nullable`, which the derive gives to every optional field: a field
/// that is unset is absent, null means nothing else.
fn definition<K: CustomResourceExt>() -> CustomResourceDefinition {
    let mut crd = K::crd();
    for version in &mut crd.spec.versions {
        if let Some(schema) = &mut version.schema
            && let Some(root) = &mut schema.open_api_v3_schema
        {
            never_null(root);
        }
    }
    crd
}

fn never_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(properties) = &mut schema.properties {
        properties.values_mut().for_each(never_null);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        never_null(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        never_null(values);
    }
}

/// All definitions as one stream of YAML documents.
///
/// # Errors
/// A definition that cannot be written as YAML.
pub fn yaml() -> Result<String, WriteCrdError> {
    Ok(files()?.into_iter().map(|file| file.yaml).collect())
}

/// All definitions, one file each.
///
/// # Errors
/// A definition that cannot be written as YAML.
pub fn files() -> Result<Vec<CrdFile>, WriteCrdError> {
    Ok(vec![
        file::<IntegrationServer>()?,
        file::<Tenant>()?,
        file::<VirtualMachine>()?,
    ])
}

fn file<K: CustomResourceExt>() -> Result<CrdFile, WriteCrdError> {
    let name = K::crd_name();
    let document = document(&definition::<K>()).map_err(|source| WriteCrdError { name, source })?;
    let plural = name.split('.').next().unwrap_or(name);
    Ok(CrdFile {
        name: format!("{plural}.yaml"),
        yaml: format!("---\n{document}"),
    })
}

fn document(crd: &CustomResourceDefinition) -> Result<String, WriteYamlError> {
    let mut value = serde_json::to_value(crd)?;
    whole_numbers(&mut value);
    // Long lines are left alone: a rule that is broken in two cannot be searched for.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    Ok(serde_saphyr::to_string_with_options(&value, options)?)
}

/// Bounds of integers are floating-point in the definition's Rust type; the API
/// server shows them without a fraction, and so do the files.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().and_then(as_whole) {
                *number = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The bounds of the schema are far below the 2^53 up to which this is exact.
fn as_whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

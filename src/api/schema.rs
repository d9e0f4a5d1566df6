//! Pieces of schema that no Rust type carries by itself.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A deletion policy that can be absent. Derived, it would have the description of the type
/// instead of the field's own.
pub(super) fn optional_deletion_policy(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["Delete", "Retain"] })
}

/// Conditions as Kubernetes defines them (metav1.Condition), with its limits. The API server
/// applies them only to its own kinds.
pub(super) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "description": "One aspect of the resource's current state.",
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {
                    "description": "Type of the condition, in CamelCase.",
                    "type": "string",
                    "maxLength": 316,
                    "pattern": CONDITION_TYPE,
                },
                "status": {
                    "description": "Status of the condition: True, False or Unknown.",
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                },
                "observedGeneration": {
                    "description": "The metadata.generation that the condition reflects.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                },
                "lastTransitionTime": {
                    "description": "Time at which the status of the condition last changed.",
                    "type": "string",
                    "format": "date-time",
                },
                "reason": {
                    "description": "Machine-readable reason for the status of the condition: a reason that the operator defines, or an error code from the Integration Server.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": {
                    "description": "Human-readable explanation of the condition, and what to do about it.",
                    "type": "string",
                    "maxLength": 32768,
                },
            },
        },
    })
}

/// A name of a condition, with or without the domain of its author before it.
const CONDITION_TYPE: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$";

/// A Kubernetes label selector, bounded, so that rules over it have a known
/// cost, and so that a selector that could not be evaluated is never stored.
pub(super) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": {
                "description": "Labels and values that a namespace must have.",
                "type": "object",
                "maxProperties": 64,
                "additionalProperties": { "type": "string", "maxLength": 63 },
            },
            "matchExpressions": {
                "description": "Requirements on the labels of a namespace. All of them must be met.",
                "type": "array",
                "maxItems": 64,
                "x-kubernetes-list-type": "atomic",
                "items": requirement(),
            },
        },
    })
}

fn requirement() -> Schema {
    json_schema!({
        "description": "A requirement on the labels of a namespace.",
        "type": "object",
        "required": ["key", "operator"],
        "properties": {
            "key": {
                "description": "Label key that the requirement applies to.",
                "type": "string",
                "minLength": 1,
                "maxLength": 317,
            },
            "operator": {
                "description": "How the value of the label relates to the values: In, NotIn, Exists or DoesNotExist.",
                "type": "string",
                "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
            },
            "values": {
                "description": "Values to compare with. Required for In and NotIn, forbidden for Exists and DoesNotExist.",
                "type": "array",
                "maxItems": 64,
                "x-kubernetes-list-type": "atomic",
                "items": { "type": "string", "maxLength": 63 },
            },
        },
        "x-kubernetes-validations": [{
            "rule": "self.operator in ['In', 'NotIn'] == (has(self.values) && self.values.size() > 0)",
            "message": "In and NotIn need at least one value, Exists and DoesNotExist take none",
        }],
    })
}

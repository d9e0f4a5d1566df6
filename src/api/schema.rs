//! Pieces of schema that no Rust type carries by itself.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A deletion policy that may be left out. As an enumeration the API server
/// would refuse null, even where it is allowed, as it is none of the values;
/// templates write null for what is left out.
pub(super) fn optional_deletion_policy(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "nullable": true,
        "maxLength": 16,
        "pattern": "^(Delete|Retain)$",
    })
}

/// A Kubernetes label selector, bounded, so that rules over it have a known
/// cost, and so that a selector that could not be evaluated is never stored.
pub(super) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "nullable": true,
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": {
                "description": "Labels that a namespace must have, with these values.",
                "type": "object",
                "nullable": true,
                "maxProperties": 64,
                "additionalProperties": { "type": "string", "maxLength": 63 },
            },
            "matchExpressions": {
                "description": "Requirements on a namespace's labels; all of them must hold.",
                "type": "array",
                "nullable": true,
                "maxItems": 64,
                "x-kubernetes-list-type": "atomic",
                "items": requirement(),
            },
        },
    })
}

fn requirement() -> Schema {
    json_schema!({
        "description": "One requirement on a namespace's labels.",
        "type": "object",
        "required": ["key", "operator"],
        "properties": {
            "key": {
                "description": "The label's key.",
                "type": "string",
                "minLength": 1,
                "maxLength": 317,
            },
            "operator": {
                "description": "How the label's value relates to the values: In, NotIn, Exists or DoesNotExist.",
                "type": "string",
                "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
            },
            "values": {
                "description": "The values to compare with; required for In and NotIn, forbidden for the others.",
                "type": "array",
                "nullable": true,
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

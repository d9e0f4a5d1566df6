//! What the API server must accept and refuse, as data: manifests, and the
//! sentence that a refusal must contain. Whoever runs them creates each
//! manifest, patches the status where there is one, then merges the update,
//! and deletes the object again.

/// One try.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is tried.
    pub name: &'static str,
    /// The object to create, as YAML. Its name is always `case`.
    pub create: &'static str,
    /// A merge patch for the status subresource, as YAML; always accepted.
    pub status: Option<&'static str>,
    /// A merge patch for the object, as YAML. Where there is one, the creation
    /// must be accepted, and what is expected is expected of this.
    pub update: Option<&'static str>,
    /// What the last step must answer.
    pub expected: Expected,
}

/// What the API server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It takes the object.
    Accepted,
    /// It refuses it, with this in its message.
    Refused(&'static str),
}

use Expected::{Accepted, Refused};

macro_rules! server_with {
    ($($field:literal),*) => {
        concat!(
            "apiVersion: viis-operator.io/v1alpha1\nkind: IntegrationServer\nmetadata: {name: case}\nspec:\n",
            "  credentialsSecretRef: {name: viis-main}\n  allowedNamespaces: {from: All}\n  ", $($field),*, "\n"
        )
    };
}

macro_rules! address {
    ($address:literal) => {
        server_with!("address: ", $address)
    };
}

/// One more field, beside a valid address.
macro_rules! server_field {
    ($field:literal) => {
        server_with!("address: viis.example.net\n  ", $field)
    };
}

macro_rules! namespaces {
    ($allowed:literal) => {
        concat!(
            "apiVersion: viis-operator.io/v1alpha1\nkind: IntegrationServer\nmetadata: {name: case}\nspec:\n",
            "  address: viis.example.net\n  credentialsSecretRef: {name: viis-main}\n  allowedNamespaces: ", $allowed, "\n"
        )
    };
}

macro_rules! tenant {
    ($($spec:literal),*) => {
        concat!(
            "apiVersion: viis-operator.io/v1alpha1\nkind: Tenant\nmetadata: {name: case, namespace: default}\n",
            "spec: {integrationServerRef: {name: main}, ", $($spec),*, "}\n"
        )
    };
}

macro_rules! machine {
    ($($spec:literal),*) => {
        concat!(
            "apiVersion: viis-operator.io/v1alpha1\nkind: VirtualMachine\nmetadata: {name: case, namespace: default}\n",
            "spec: {", $($spec),*, "}\n"
        )
    };
}

const fn create(name: &'static str, create: &'static str, expected: Expected) -> Case {
    Case {
        name,
        create,
        status: None,
        update: None,
        expected,
    }
}

const fn update(
    name: &'static str,
    create: &'static str,
    update: &'static str,
    expected: Expected,
) -> Case {
    Case {
        name,
        create,
        status: None,
        update: Some(update),
        expected,
    }
}

const fn locked(
    name: &'static str,
    create: &'static str,
    status: &'static str,
    update: &'static str,
    expected: Expected,
) -> Case {
    Case {
        name,
        create,
        status: Some(status),
        update: Some(update),
        expected,
    }
}

/// Every field of an IntegrationServer that can stand beside the others.
const SERVER_FULL: &str = r#"
apiVersion: viis-operator.io/v1alpha1
kind: IntegrationServer
metadata: {name: case}
spec:
  address: viis.example.net
  port: 7271
  credentialsSecretRef: {name: viis-main}
  tls:
    fingerprintsSHA256: ["AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB"]
  allowedNamespaces:
    from: Selector
    selector: {matchLabels: {viis: allowed}}
  adoptionPolicy: Never
  suspend: false
  resyncInterval: 5m
  limits: {concurrentTasks: 8, requestsPerSecond: 20}
  guard: {enabled: true, limit: 5, window: 10m}
  proxyURL: http://proxy:3128
"#;

/// Every field of a Tenant that can stand beside the others.
const TENANT_FULL: &str = r#"
apiVersion: viis-operator.io/v1alpha1
kind: Tenant
metadata: {name: case, namespace: default}
spec:
  integrationServerRef: {name: main}
  name: Acme Ltd.
  type: Complete
  description: Gold contract
  userData: '{"crm": 4711}'
  preferredVIISAddress: 10.0.0.5
  administrator:
    name: acme-admin
    passwordSecretRef: {name: acme-admin, key: password}
  state: Active
  deletionPolicy: Delete
  removeTenantArtifacts: true
  suspend: false
"#;

/// Every field of a VirtualMachine.
const MACHINE_FULL: &str = r#"
apiVersion: viis-operator.io/v1alpha1
kind: VirtualMachine
metadata: {name: case, namespace: default}
spec:
  tenantRef: {name: acme}
  biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10
  name: web-1
  userData: anything
  deletionPolicy: Delete
"#;

/// A creation that was refused: it is over, nothing is locked.
const NOT_BEGUN: &str = "status: {observedGeneration: 1, task: {id: '7', state: Failed}}";
/// A creation that may have been sent.
const IN_FLIGHT: &str = "status: {observedGeneration: 1, creation: {attempt: a, server: 'viis.example.net:7271', sent: true}}";
/// A tenant that is on the server.
const DONE: &str = "status: {observedGeneration: 1, tenantID: t-1, state: Active}";

/// IntegrationServers.
#[rustfmt::skip]
pub const SERVERS: &[Case] = &[
    create("server: everything", SERVER_FULL, Accepted),
    create("server: the least", server_field!("port: 7271"), Accepted),
    create("server: address viis", address!("viis"), Accepted),
    create("server: address viis.example.net", address!("viis.example.net"), Accepted),
    create("server: address VIIS-1.Example.Net", address!("VIIS-1.Example.Net"), Accepted),
    create("server: address my_host.corp", address!("my_host.corp"), Accepted),
    create("server: address 10.0.0.5", address!("10.0.0.5"), Accepted),
    create("server: address 'fd00::5'", address!("'fd00::5'"), Accepted),
    create("server: address '::1'", address!("'::1'"), Accepted),
    create("server: address 1and1.com", address!("1and1.com"), Accepted),
    create("server: address xn--e1afmkfd.xn--p1ai", address!("xn--e1afmkfd.xn--p1ai"), Accepted),
    create("server: address 4u", address!("4u"), Accepted),
    create("server: address https://viis.example.net", address!("https://viis.example.net"), Refused("one IP address or one DNS name alone")),
    create("server: address viis.example.net/api", address!("viis.example.net/api"), Refused("one IP address or one DNS name alone")),
    create("server: address 'viis.example.net:7271'", address!("'viis.example.net:7271'"), Refused("one IP address or one DNS name alone")),
    create("server: address '10.0.0.5:7271'", address!("'10.0.0.5:7271'"), Refused("one IP address or one DNS name alone")),
    create("server: address '[fd00::5]'", address!("'[fd00::5]'"), Refused("one IP address or one DNS name alone")),
    create("server: address 'fd00::5%eth0'", address!("'fd00::5%eth0'"), Refused("one IP address or one DNS name alone")),
    create("server: address ' viis'", address!("' viis'"), Refused("one IP address or one DNS name alone")),
    create("server: address 'viis '", address!("'viis '"), Refused("one IP address or one DNS name alone")),
    create("server: address 'a b'", address!("'a b'"), Refused("one IP address or one DNS name alone")),
    create("server: address '  '", address!("'  '"), Refused("one IP address or one DNS name alone")),
    create("server: address user@viis", address!("user@viis"), Refused("one IP address or one DNS name alone")),
    create("server: address viis..net", address!("viis..net"), Refused("one IP address or one DNS name alone")),
    create("server: address .viis", address!(".viis"), Refused("one IP address or one DNS name alone")),
    create("server: address viis.example.net.", address!("viis.example.net."), Refused("one IP address or one DNS name alone")),
    create("server: address -viis", address!("-viis"), Refused("one IP address or one DNS name alone")),
    create("server: address 10.0.0.300", address!("10.0.0.300"), Refused("one IP address or one DNS name alone")),
    create("server: address '10.0'", address!("'10.0'"), Refused("one IP address or one DNS name alone")),
    create("server: address '1.2.3'", address!("'1.2.3'"), Refused("one IP address or one DNS name alone")),
    create("server: address 0x7f.1", address!("0x7f.1"), Refused("one IP address or one DNS name alone")),
    create("server: address 10.0.0.0/8", address!("10.0.0.0/8"), Refused("one IP address or one DNS name alone")),
    create("server: address \"viis\\n\"", address!("\"viis\\n\""), Refused("one IP address or one DNS name alone")),
    create("server: address viïs.example.net", address!("viïs.example.net"), Refused("one IP address or one DNS name alone")),
    create("server: address '*.example.net'", address!("'*.example.net'"), Refused("one IP address or one DNS name alone")),
    create("server: address '::ffff:1.2.3.4'", address!("'::ffff:1.2.3.4'"), Refused("one IP address or one DNS name alone")),
    create("server: address '42'", address!("'42'"), Refused("one IP address or one DNS name alone")),
    create("server: address with nothing in it", address!("''"), Refused("one IP address or one DNS name alone")),
    create("server: port: 1", server_field!("port: 1"), Accepted),
    create("server: port: 65535", server_field!("port: 65535"), Accepted),
    create("server: port: 7271.0", server_field!("port: 7271.0"), Accepted),
    create("server: port: null", server_field!("port: null"), Accepted),
    create("server: port: 0", server_field!("port: 0"), Refused("greater than or equal to 1")),
    create("server: port: 65536", server_field!("port: 65536"), Refused("less than or equal to 65535")),
    create("server: port: -1", server_field!("port: -1"), Refused("greater than or equal to 1")),
    create("server: port: '7271'", server_field!("port: '7271'"), Refused("must be of type integer")),
    create("server: port: 7271.5", server_field!("port: 7271.5"), Refused("must be of type integer")),
    create("server: limits: {}", server_field!("limits: {}"), Accepted),
    create("server: limits: null", server_field!("limits: null"), Accepted),
    create("server: limits: {concurrentTasks: 1}", server_field!("limits: {concurrentTasks: 1}"), Accepted),
    create("server: limits: {concurrentTasks: 0}", server_field!("limits: {concurrentTasks: 0}"), Refused("greater than or equal to 1")),
    create("server: limits: {requestsPerSecond: 0}", server_field!("limits: {requestsPerSecond: 0}"), Refused("greater than or equal to 1")),
    create("server: limits: {requestsPerSecond: 10001}", server_field!("limits: {requestsPerSecond: 10001}"), Refused("less than or equal to 10000")),
    create("server: guard: {enabled: false}", server_field!("guard: {enabled: false}"), Accepted),
    create("server: guard: {limit: 1, window: 1s}", server_field!("guard: {limit: 1, window: 1s}"), Accepted),
    create("server: guard: {limit: 0}", server_field!("guard: {limit: 0}"), Refused("greater than or equal to 1")),
    create("server: guard: {window: 500ms}", server_field!("guard: {window: 500ms}"), Refused("duration of at least 1s")),
    create("server: guard: {window: 1d}", server_field!("guard: {window: 1d}"), Refused("duration of at least 1s")),
    create("server: resyncInterval: 10s", server_field!("resyncInterval: 10s"), Accepted),
    create("server: resyncInterval: 1h30m", server_field!("resyncInterval: 1h30m"), Accepted),
    create("server: resyncInterval: 1.5h", server_field!("resyncInterval: 1.5h"), Accepted),
    create("server: resyncInterval: null", server_field!("resyncInterval: null"), Accepted),
    create("server: resyncInterval: 9s", server_field!("resyncInterval: 9s"), Refused("duration of at least 10s")),
    create("server: resyncInterval: 9999ms", server_field!("resyncInterval: 9999ms"), Refused("duration of at least 10s")),
    create("server: resyncInterval: '300'", server_field!("resyncInterval: '300'"), Refused("duration of at least 10s")),
    create("server: resyncInterval: -5m", server_field!("resyncInterval: -5m"), Refused("duration of at least 10s")),
    create("server: resyncInterval: 5 m", server_field!("resyncInterval: 5 m"), Refused("duration of at least 10s")),
    create("server: resyncInterval: ''", server_field!("resyncInterval: ''"), Refused("duration of at least 10s")),
    create("server: resyncInterval: 9999999h", server_field!("resyncInterval: 9999999h"), Refused("duration of at least 10s")),
    create("server: resyncInterval: 999999h999999h999999h999999h", server_field!("resyncInterval: 999999h999999h999999h999999h"), Refused("resyncInterval")),
    create("server: adoptionPolicy: Always", server_field!("adoptionPolicy: Always"), Refused("Unsupported value")),
    create("server: adoptionPolicy: IfIdentical", server_field!("adoptionPolicy: IfIdentical"), Accepted),
    create("server: adoptionPolicy: null", server_field!("adoptionPolicy: null"), Accepted),
    create("server: suspend: true", server_field!("suspend: true"), Accepted),
    create("server: proxyURL: http://proxy:3128", server_field!("proxyURL: http://proxy:3128"), Accepted),
    create("server: proxyURL: 'http://[fd00::1]:3128/'", server_field!("proxyURL: 'http://[fd00::1]:3128/'"), Accepted),
    create("server: proxyURL: https://proxy:3128", server_field!("proxyURL: https://proxy:3128"), Refused("http://host:port")),
    create("server: proxyURL: http://10.0.0.1", server_field!("proxyURL: http://10.0.0.1"), Accepted),
    create("server: proxyURL: null", server_field!("proxyURL: null"), Accepted),
    create("server: proxyURL: http://user:secret@proxy:3128", server_field!("proxyURL: http://user:secret@proxy:3128"), Refused("no credentials")),
    create("server: proxyURL: http://user@proxy", server_field!("proxyURL: http://user@proxy"), Refused("no credentials")),
    create("server: proxyURL: proxy:3128", server_field!("proxyURL: proxy:3128"), Refused("http://host:port")),
    create("server: proxyURL: socks5://proxy:1080", server_field!("proxyURL: socks5://proxy:1080"), Refused("http://host:port")),
    create("server: proxyURL: http://", server_field!("proxyURL: http://"), Refused("http://host:port")),
    create("server: proxyURL: http://proxy/path", server_field!("proxyURL: http://proxy/path"), Refused("no path")),
    create("server: proxyURL: 'http://proxy:3128?x=1'", server_field!("proxyURL: 'http://proxy:3128?x=1'"), Refused("http://host:port")),
    create("server: proxyURL: ''", server_field!("proxyURL: ''"), Refused("http://host:port")),
    create("server: tls: {}", server_field!("tls: {}"), Accepted),
    create("server: tls: null", server_field!("tls: null"), Accepted),
    create("server: tls: {caBundle: null, fingerprintsSHA256: null}", server_field!("tls: {caBundle: null, fingerprintsSHA256: null}"), Accepted),
    create("server: tls: {caBundle: \"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\"}", server_field!("tls: {caBundle: \"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\"}"), Accepted),
    create("server: tls: {caBundle: nonsense}", server_field!("tls: {caBundle: nonsense}"), Refused("certificate in PEM")),
    create("server: tls: {caBundle: ''}", server_field!("tls: {caBundle: ''}"), Refused("certificate in PEM")),
    create("server: a fingerprint with colons", server_field!("tls: {fingerprintsSHA256: ['AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB']}"), Accepted),
    create("server: two fingerprints, with and without colons", server_field!("tls: {fingerprintsSHA256: ['abababababababababababababababababababababababababababababababab', 'AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB']}"), Accepted),
    create("server: a fingerprint that is cut", server_field!("tls: {fingerprintsSHA256: ['AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB']}"), Refused("32 pairs of hexadecimal digits")),
    create("server: a fingerprint of other digits", server_field!("tls: {fingerprintsSHA256: ['zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz']}"), Refused("32 pairs of hexadecimal digits")),
    create("server: one of two fingerprints wrong", server_field!("tls: {fingerprintsSHA256: ['abababababababababababababababababababababababababababababababab', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx']}"), Refused("32 pairs of hexadecimal digits")),
    create("server: a fingerprint that is too long", server_field!("tls: {fingerprintsSHA256: ['ababababababababababababababababababababababababababababababababab']}"), Refused("32 pairs of hexadecimal digits")),
    create("server: a SHA-1 fingerprint", server_field!("tls: {fingerprintsSHA256: ['abababababababababababababababababababab']}"), Refused("32 pairs")),
    create("server: no fingerprint in the list", server_field!("tls: {fingerprintsSHA256: []}"), Refused("at least 1 items")),
    create("server: a null fingerprint", server_field!("tls: {fingerprintsSHA256: [null]}"), Refused("must be of type string")),
    create("server: a bundle in base64", server_field!("tls: {caBundle: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=}"), Accepted),
    create("server: a bundle in base64 after one letter", server_field!("tls: {caBundle: eC0tLS0tQkVHSU4gQ0VSVElGSUNBVEUtLS0tLQpNSUlCCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K}"), Accepted),
    create("server: a bundle in base64 after two letters", server_field!("tls: {caBundle: eHktLS0tLUJFR0lOIENFUlRJRklDQVRFLS0tLS0KTUlJQgotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==}"), Accepted),
    create("server: a key in base64", server_field!("tls: {caBundle: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JSUIK}"), Refused("certificate in PEM")),
    create("server: a reference", server_field!("tls: {caBundleRef: {kind: ConfigMap, name: authorities}}"), Accepted),
    create("server: a reference to a key of a Secret", server_field!("tls: {caBundleRef: {kind: Secret, name: authorities, key: tls.crt}}"), Accepted),
    create("server: a reference to another kind", server_field!("tls: {caBundleRef: {kind: Service, name: authorities}}"), Refused("supported values: \"ConfigMap\", \"Secret\"")),
    create("server: a reference without a kind", server_field!("tls: {caBundleRef: {name: authorities}}"), Refused("kind: Required value")),
    create("server: a reference without a name", server_field!("tls: {caBundleRef: {kind: Secret}}"), Refused("name: Required value")),
    create("server: a reference to a bad name", server_field!("tls: {caBundleRef: {kind: Secret, name: A_B}}"), Refused("not a name that an object can have")),
    create("server: a reference to a bad key", server_field!("tls: {caBundleRef: {kind: Secret, name: a, key: 'a b'}}"), Refused("not a key that a ConfigMap or Secret can have")),
    create("server: a reference and a bundle", server_field!("tls: {caBundleRef: {kind: Secret, name: a}, caBundle: \"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\"}"), Refused("set only caBundleRef")),
    create("server: a reference and a fingerprint", server_field!("tls: {caBundleRef: {kind: Secret, name: a}, fingerprintsSHA256: [AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB]}"), Refused("set only caBundleRef")),
    create("server: a bundle and a fingerprint", server_field!("tls: {caBundle: \"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\", fingerprintsSHA256: ['abababababababababababababababababababababababababababababababab']}"), Refused("not both")),
    create("server: allowedNamespaces {from: All}", namespaces!("{from: All}"), Accepted),
    create("server: allowedNamespaces {from: All, selector: null}", namespaces!("{from: All, selector: null}"), Accepted),
    create("server: allowedNamespaces {from: Selector, selector: {}}", namespaces!("{from: Selector, selector: {}}"), Accepted),
    create("server: allowedNamespaces {from: Selector, selector: {matchLabels: {viis: allowed}}}", namespaces!("{from: Selector, selector: {matchLabels: {viis: allowed}}}"), Accepted),
    create("server: allowedNamespaces {from: Selector, selector: {matchLabels: null, matchExpressions: [{key: a, operator: Exists, values: null}]}}", namespaces!("{from: Selector, selector: {matchLabels: null, matchExpressions: [{key: a, operator: Exists, values: null}]}}"), Accepted),
    create("server: allowedNamespaces {from: Selector, selector: {matchExpressions: [{key: a, operator: In, values: [b]}, {key: c, operator: DoesNotExist}]}}", namespaces!("{from: Selector, selector: {matchExpressions: [{key: a, operator: In, values: [b]}, {key: c, operator: DoesNotExist}]}}"), Accepted),
    create("server: allowedNamespaces {from: Selector}", namespaces!("{from: Selector}"), Refused("needs a selector")),
    create("server: allowedNamespaces {from: Selector, selector: null}", namespaces!("{from: Selector, selector: null}"), Refused("needs a selector")),
    create("server: allowedNamespaces {from: All, selector: {}}", namespaces!("{from: All, selector: {}}"), Refused("takes no selector")),
    create("server: allowedNamespaces {from: Same}", namespaces!("{from: Same}"), Refused("Unsupported value")),
    create("server: allowedNamespaces {}", namespaces!("{}"), Refused("from: Required value")),
    create("server: allowedNamespaces null", namespaces!("null"), Refused("allowedNamespaces: Required value")),
    create("server: allowedNamespaces {from: Selector, selector: {matchExpressions: [{key: a, operator: In}]}}", namespaces!("{from: Selector, selector: {matchExpressions: [{key: a, operator: In}]}}"), Refused("at least one value")),
    create("server: allowedNamespaces {from: Selector, selector: {matchExpressions: [{key: a, operator: In, values: []}]}}", namespaces!("{from: Selector, selector: {matchExpressions: [{key: a, operator: In, values: []}]}}"), Refused("at least one value")),
    create("server: allowedNamespaces {from: Selector, selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}", namespaces!("{from: Selector, selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}"), Refused("take none")),
    create("server: allowedNamespaces {from: Selector, selector: {matchExpressions: [{key: a, operator: Is}]}}", namespaces!("{from: Selector, selector: {matchExpressions: [{key: a, operator: Is}]}}"), Refused("Unsupported value")),
    update("server: the address may change", SERVER_FULL, "spec: {address: other.example.net, port: 1234}", Accepted),
    update("server: the Secret may change", SERVER_FULL, "spec: {credentialsSecretRef: {name: other}}", Accepted),
    update("server: the Secret's name must be one", SERVER_FULL, "spec: {credentialsSecretRef: {name: Not_A_Name}}", Refused("not a name that an object can have")),
    update("server: the Secret's name must be there", SERVER_FULL, "spec: {credentialsSecretRef: {name: ''}}", Refused("not a name that an object can have")),
];

/// Tenants, as they are created.
#[rustfmt::skip]
pub const TENANTS: &[Case] = &[
    create("tenant: everything", TENANT_FULL, Accepted),
    create("tenant: type: Simple", tenant!("type: Simple"), Accepted),
    create("tenant: type: Complete, administrator: {name: a, passwordSecretRef: {name: s}}", tenant!("type: Complete, administrator: {name: a, passwordSecretRef: {name: s}}"), Accepted),
    create("tenant: type: Complete, existingTenantID: t-1", tenant!("type: Complete, existingTenantID: t-1"), Accepted),
    create("tenant: type: Complete, existingTenantID: t-1, administrator: {name:… (93 characters)", tenant!("type: Complete, existingTenantID: t-1, administrator: {name: a, passwordSecretRef: {name: s}}"), Accepted),
    create("tenant: type: Simple, existingTenantID: t-1", tenant!("type: Simple, existingTenantID: t-1"), Accepted),
    create("tenant: type: Simple, administrator: null, name: null, description: … (211 characters)", tenant!("type: Simple, administrator: null, name: null, description: null, userData: null, preferredVIISAddress: null, existingTenantID: null, deletionPolicy: null, state: null, removeTenantArtifacts: null, suspend: null"), Accepted),
    create("tenant: type: Complete", tenant!("type: Complete"), Refused("needs an administrator")),
    create("tenant: type: Complete, administrator: null", tenant!("type: Complete, administrator: null"), Refused("needs an administrator")),
    create("tenant: type: Complete, existingTenantID: null", tenant!("type: Complete, existingTenantID: null"), Refused("needs an administrator")),
    create("tenant: type: Simple, administrator: {name: a, passwordSecretRef: {name: s}}", tenant!("type: Simple, administrator: {name: a, passwordSecretRef: {name: s}}"), Refused("nobody can administer it")),
    create("tenant: type: Complete, administrator: {name: a}", tenant!("type: Complete, administrator: {name: a}"), Refused("passwordSecretRef: Required value")),
    create("tenant: type: Complete, administrator: {name: a, passwordSecretRef: {}}", tenant!("type: Complete, administrator: {name: a, passwordSecretRef: {}}"), Refused("name: Required value")),
    create("tenant: type: Complete, administrator: {name: '', passwordSecretRef: {name: s}}", tenant!("type: Complete, administrator: {name: '', passwordSecretRef: {name: s}}"), Refused("must not be empty")),
    create("tenant: type: Complete, administrator: {name: ' ', passwordSecretRef: {name: s}}", tenant!("type: Complete, administrator: {name: ' ', passwordSecretRef: {name: s}}"), Refused("must not be empty")),
    create("tenant: type: Complete, administrator: {name: \"a\\x01\", passwordSecretRef: {name: s}}", tenant!("type: Complete, administrator: {name: \"a\\x01\", passwordSecretRef: {name: s}}"), Refused("XML 1.0 cannot hold")),
    create("tenant: type: Complete, administrator: {name: a, passwordSecretRef: {name: S}}", tenant!("type: Complete, administrator: {name: a, passwordSecretRef: {name: S}}"), Refused("not a name that an object can have")),
    create("tenant: type: Complete, administrator: {name: a, passwordSecretRef: {name: s, key: my.key_1-A}}", tenant!("type: Complete, administrator: {name: a, passwordSecretRef: {name: s, key: my.key_1-A}}"), Accepted),
    create("tenant: type: Complete, administrator: {name: a, passwordSecretRef: {name: s, key: null}}", tenant!("type: Complete, administrator: {name: a, passwordSecretRef: {name: s, key: null}}"), Accepted),
    create("tenant: type: Complete, administrator: {name: a, passwordSecretRef: {name: s, key: 'a b'}}", tenant!("type: Complete, administrator: {name: a, passwordSecretRef: {name: s, key: 'a b'}}"), Refused("not a key that a Secret can have")),
    create("tenant: type: Complete, administrator: {name: a, passwordSecretRef: {name: s, key: ''}}", tenant!("type: Complete, administrator: {name: a, passwordSecretRef: {name: s, key: ''}}"), Refused("not a key that a Secret can have")),
    create("tenant: type: complete", tenant!("type: complete"), Refused("Unsupported value")),
    create("tenant: name: x", tenant!("name: x"), Refused("type: Required value")),
    create("tenant: type: null", tenant!("type: null"), Refused("type: Required value")),
    create("tenant: type: Simple, state: On", tenant!("type: Simple, state: On"), Refused("Unsupported value")),
    create("tenant: type: Simple, state: Inactive, suspend: true, deletionPolicy… (98 characters)", tenant!("type: Simple, state: Inactive, suspend: true, deletionPolicy: Retain, removeTenantArtifacts: false"), Accepted),
    create("tenant: type: Simple, deletionPolicy: Keep", tenant!("type: Simple, deletionPolicy: Keep"), Refused("supported values: \"Delete\", \"Retain\"")),
    create("tenant: type: Simple, name: ''", tenant!("type: Simple, name: ''"), Refused("must not be empty")),
    create("tenant: type: Simple, name: \" \\t\\n \"", tenant!("type: Simple, name: \" \\t\\n \""), Refused("must not be empty")),
    create("tenant: type: Simple, name: ' Acme  Ltd. '", tenant!("type: Simple, name: ' Acme  Ltd. '"), Accepted),
    create("tenant: type: Simple, name: \"Ооо «Ромашка» 株式会社 \\U0001F600\"", tenant!("type: Simple, name: \"Ооо «Ромашка» 株式会社 \\U0001F600\""), Accepted),
    create("tenant: type: Simple, name: \"a\\x00b\"", tenant!("type: Simple, name: \"a\\x00b\""), Refused("XML 1.0 cannot hold")),
    create("tenant: type: Simple, name: \"a\\x1Fb\"", tenant!("type: Simple, name: \"a\\x1Fb\""), Refused("XML 1.0 cannot hold")),
    create("tenant: type: Simple, name: \"a\\uFFFEb\"", tenant!("type: Simple, name: \"a\\uFFFEb\""), Refused("XML 1.0 cannot hold")),
    create("tenant: type: Simple, name: \"a\\uFFFFb\"", tenant!("type: Simple, name: \"a\\uFFFFb\""), Refused("XML 1.0 cannot hold")),
    create("tenant: type: Simple, name: \"a\\x7F\\x85\\uFFFD\\uE000\\U0010FFFFb\"", tenant!("type: Simple, name: \"a\\x7F\\x85\\uFFFD\\uE000\\U0010FFFFb\""), Accepted),
    create("tenant: type: Simple, description: \"a\\x0Bb\"", tenant!("type: Simple, description: \"a\\x0Bb\""), Refused("XML 1.0 cannot hold")),
    create("tenant: type: Simple, description: ''", tenant!("type: Simple, description: ''"), Accepted),
    create("tenant: type: Simple, userData: \"a\\x0Cb\"", tenant!("type: Simple, userData: \"a\\x0Cb\""), Refused("XML 1.0 cannot hold")),
    create("tenant: type: Simple, userData: \"\\r\\n\\t ]]> <x> &amp; &#13; \"", tenant!("type: Simple, userData: \"\\r\\n\\t ]]> <x> &amp; &#13; \""), Accepted),
    create("tenant: type: Simple, userData: ''", tenant!("type: Simple, userData: ''"), Accepted),
    create("tenant: type: Simple, preferredVIISAddress: 10.0.0.5", tenant!("type: Simple, preferredVIISAddress: 10.0.0.5"), Accepted),
    create("tenant: type: Simple, preferredVIISAddress: 'fd00::5'", tenant!("type: Simple, preferredVIISAddress: 'fd00::5'"), Accepted),
    create("tenant: type: Simple, preferredVIISAddress: viis.example.net", tenant!("type: Simple, preferredVIISAddress: viis.example.net"), Refused("must be an IP address")),
    create("tenant: type: Simple, preferredVIISAddress: ''", tenant!("type: Simple, preferredVIISAddress: ''"), Refused("must be an IP address")),
    create("tenant: type: Simple, preferredVIISAddress: 10.0.0.0/8", tenant!("type: Simple, preferredVIISAddress: 10.0.0.0/8"), Refused("must be an IP address")),
    create("tenant: type: Simple, existingTenantID: '{8A0C2C1E-0000-0000-0000-000000000001}'", tenant!("type: Simple, existingTenantID: '{8A0C2C1E-0000-0000-0000-000000000001}'"), Accepted),
    create("tenant: type: Simple, existingTenantID: 'tenant 7'", tenant!("type: Simple, existingTenantID: 'tenant 7'"), Accepted),
    create("tenant: type: Simple, existingTenantID: '7'", tenant!("type: Simple, existingTenantID: '7'"), Accepted),
    create("tenant: type: Simple, existingTenantID: ''", tenant!("type: Simple, existingTenantID: ''"), Refused("identifier of a tenant")),
    create("tenant: type: Simple, existingTenantID: ' 7'", tenant!("type: Simple, existingTenantID: ' 7'"), Refused("identifier of a tenant")),
    create("tenant: type: Simple, existingTenantID: \"7\\n\"", tenant!("type: Simple, existingTenantID: \"7\\n\""), Refused("identifier of a tenant")),
    create("tenant: type: Simple, existingTenantID: \"a\\x07b\"", tenant!("type: Simple, existingTenantID: \"a\\x07b\""), Refused("identifier of a tenant")),
    create("tenant: type: Simple, existingTenantID: '..'", tenant!("type: Simple, existingTenantID: '..'"), Refused("identifier of a tenant")),
    create("tenant: type: Simple, existingTenantID: xxxxxxxxxxxxxxxxxxxxxxxxxxxx… (160 characters)", tenant!("type: Simple, existingTenantID: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), Accepted),
    create("tenant: type: Simple, existingTenantID: xxxxxxxxxxxxxxxxxxxxxxxxxxxx… (161 characters)", tenant!("type: Simple, existingTenantID: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), Refused("Too long")),
    update("tenant: the reference must be a name", TENANT_FULL, "spec: {integrationServerRef: {name: Main_1}}", Refused("not a name that an object can have")),
];

/// Tenants, as they change before, during and after their creation.
#[rustfmt::skip]
pub const LOCKS: &[Case] = &[
    update("open: spec: {integrationServerRef: {name: other}}", TENANT_FULL, "spec: {integrationServerRef: {name: other}}", Accepted),
    locked("rejected creation: spec: {integrationServerRef: {name: other}}", TENANT_FULL, NOT_BEGUN, "spec: {integrationServerRef: {name: other}}", Accepted),
    locked("in flight: spec: {integrationServerRef: {name: other}}", TENANT_FULL, IN_FLIGHT, "spec: {integrationServerRef: {name: other}}", Refused("spec.integrationServerRef cannot change any more")),
    locked("done: spec: {integrationServerRef: {name: other}}", TENANT_FULL, DONE, "spec: {integrationServerRef: {name: other}}", Refused("spec.integrationServerRef cannot change any more")),
    update("open: spec: {name: Other}", TENANT_FULL, "spec: {name: Other}", Accepted),
    locked("rejected creation: spec: {name: Other}", TENANT_FULL, NOT_BEGUN, "spec: {name: Other}", Accepted),
    locked("in flight: spec: {name: Other}", TENANT_FULL, IN_FLIGHT, "spec: {name: Other}", Refused("spec.name cannot change any more")),
    locked("done: spec: {name: Other}", TENANT_FULL, DONE, "spec: {name: Other}", Refused("spec.name cannot change any more")),
    update("open: spec: {name: null}", TENANT_FULL, "spec: {name: null}", Accepted),
    locked("rejected creation: spec: {name: null}", TENANT_FULL, NOT_BEGUN, "spec: {name: null}", Accepted),
    locked("in flight: spec: {name: null}", TENANT_FULL, IN_FLIGHT, "spec: {name: null}", Refused("spec.name cannot change any more")),
    locked("done: spec: {name: null}", TENANT_FULL, DONE, "spec: {name: null}", Refused("spec.name cannot change any more")),
    update("open: spec: {description: Silver}", TENANT_FULL, "spec: {description: Silver}", Accepted),
    locked("rejected creation: spec: {description: Silver}", TENANT_FULL, NOT_BEGUN, "spec: {description: Silver}", Accepted),
    locked("in flight: spec: {description: Silver}", TENANT_FULL, IN_FLIGHT, "spec: {description: Silver}", Refused("spec.description cannot change any more")),
    locked("done: spec: {description: Silver}", TENANT_FULL, DONE, "spec: {description: Silver}", Refused("spec.description cannot change any more")),
    update("open: spec: {description: null}", TENANT_FULL, "spec: {description: null}", Accepted),
    locked("rejected creation: spec: {description: null}", TENANT_FULL, NOT_BEGUN, "spec: {description: null}", Accepted),
    locked("in flight: spec: {description: null}", TENANT_FULL, IN_FLIGHT, "spec: {description: null}", Refused("spec.description cannot change any more")),
    locked("done: spec: {description: null}", TENANT_FULL, DONE, "spec: {description: null}", Refused("spec.description cannot change any more")),
    update("open: spec: {description: ''}", TENANT_FULL, "spec: {description: ''}", Accepted),
    locked("rejected creation: spec: {description: ''}", TENANT_FULL, NOT_BEGUN, "spec: {description: ''}", Accepted),
    locked("in flight: spec: {description: ''}", TENANT_FULL, IN_FLIGHT, "spec: {description: ''}", Refused("spec.description cannot change any more")),
    locked("done: spec: {description: ''}", TENANT_FULL, DONE, "spec: {description: ''}", Refused("spec.description cannot change any more")),
    update("open: spec: {userData: x}", TENANT_FULL, "spec: {userData: x}", Accepted),
    locked("rejected creation: spec: {userData: x}", TENANT_FULL, NOT_BEGUN, "spec: {userData: x}", Accepted),
    locked("in flight: spec: {userData: x}", TENANT_FULL, IN_FLIGHT, "spec: {userData: x}", Refused("spec.userData cannot change any more")),
    locked("done: spec: {userData: x}", TENANT_FULL, DONE, "spec: {userData: x}", Refused("spec.userData cannot change any more")),
    update("open: spec: {userData: null}", TENANT_FULL, "spec: {userData: null}", Accepted),
    locked("rejected creation: spec: {userData: null}", TENANT_FULL, NOT_BEGUN, "spec: {userData: null}", Accepted),
    locked("in flight: spec: {userData: null}", TENANT_FULL, IN_FLIGHT, "spec: {userData: null}", Refused("spec.userData cannot change any more")),
    locked("done: spec: {userData: null}", TENANT_FULL, DONE, "spec: {userData: null}", Refused("spec.userData cannot change any more")),
    update("open: spec: {preferredVIISAddress: 10.0.0.6}", TENANT_FULL, "spec: {preferredVIISAddress: 10.0.0.6}", Accepted),
    locked("rejected creation: spec: {preferredVIISAddress: 10.0.0.6}", TENANT_FULL, NOT_BEGUN, "spec: {preferredVIISAddress: 10.0.0.6}", Accepted),
    locked("in flight: spec: {preferredVIISAddress: 10.0.0.6}", TENANT_FULL, IN_FLIGHT, "spec: {preferredVIISAddress: 10.0.0.6}", Refused("spec.preferredVIISAddress cannot change any more")),
    locked("done: spec: {preferredVIISAddress: 10.0.0.6}", TENANT_FULL, DONE, "spec: {preferredVIISAddress: 10.0.0.6}", Refused("spec.preferredVIISAddress cannot change any more")),
    update("open: spec: {preferredVIISAddress: null}", TENANT_FULL, "spec: {preferredVIISAddress: null}", Accepted),
    locked("rejected creation: spec: {preferredVIISAddress: null}", TENANT_FULL, NOT_BEGUN, "spec: {preferredVIISAddress: null}", Accepted),
    locked("in flight: spec: {preferredVIISAddress: null}", TENANT_FULL, IN_FLIGHT, "spec: {preferredVIISAddress: null}", Refused("spec.preferredVIISAddress cannot change any more")),
    locked("done: spec: {preferredVIISAddress: null}", TENANT_FULL, DONE, "spec: {preferredVIISAddress: null}", Refused("spec.preferredVIISAddress cannot change any more")),
    update("open: spec: {administrator: {name: other}}", TENANT_FULL, "spec: {administrator: {name: other}}", Accepted),
    locked("rejected creation: spec: {administrator: {name: other}}", TENANT_FULL, NOT_BEGUN, "spec: {administrator: {name: other}}", Accepted),
    locked("in flight: spec: {administrator: {name: other}}", TENANT_FULL, IN_FLIGHT, "spec: {administrator: {name: other}}", Refused("spec.administrator cannot change any more")),
    locked("done: spec: {administrator: {name: other}}", TENANT_FULL, DONE, "spec: {administrator: {name: other}}", Refused("spec.administrator cannot change any more")),
    update("open: type", TENANT_FULL, "spec: {type: Simple, administrator: null}", Accepted),
    locked("in flight: type", TENANT_FULL, IN_FLIGHT, "spec: {type: Simple, administrator: null}", Refused("spec.type cannot change any more")),
    locked("in flight: administrator removed", TENANT_FULL, IN_FLIGHT, "spec: {type: Simple, administrator: null}", Refused("spec.administrator cannot change any more")),
    locked("in flight: state is open", TENANT_FULL, IN_FLIGHT, "spec: {state: Inactive}", Accepted),
    locked("in flight: deletionPolicy is open", TENANT_FULL, IN_FLIGHT, "spec: {deletionPolicy: Retain}", Accepted),
    locked("in flight: deletionPolicy away is open", TENANT_FULL, IN_FLIGHT, "spec: {deletionPolicy: null}", Accepted),
    locked("in flight: removeTenantArtifacts is open", TENANT_FULL, IN_FLIGHT, "spec: {removeTenantArtifacts: false}", Accepted),
    locked("in flight: suspend is open", TENANT_FULL, IN_FLIGHT, "spec: {suspend: true}", Accepted),
    locked("in flight: the password reference is open", TENANT_FULL, IN_FLIGHT, "spec: {administrator: {passwordSecretRef: {name: other, key: other}}}", Accepted),
    locked("in flight: the default of the key is open", TENANT_FULL, IN_FLIGHT, "spec: {administrator: {passwordSecretRef: {key: null}}}", Accepted),
    locked("in flight: a label is open", TENANT_FULL, IN_FLIGHT, "metadata: {labels: {a: b}}", Accepted),
    locked("in flight: the same again is open", TENANT_FULL, IN_FLIGHT, "spec: {name: Acme Ltd., description: Gold contract}", Accepted),
    locked("in flight: a description that was not there", tenant!("type: Simple"), IN_FLIGHT, "spec: {description: x}", Refused("spec.description cannot change")),
    locked("in flight: a name that was not there", tenant!("type: Simple"), IN_FLIGHT, "spec: {name: Other}", Refused("spec.name cannot change")),
    locked("in flight: metadata.name written down as name", tenant!("type: Simple"), IN_FLIGHT, "spec: {name: case}", Accepted),
    locked("in flight: a name that says metadata.name removed", tenant!("type: Simple, name: case"), IN_FLIGHT, "spec: {name: null}", Accepted),
    locked("in flight: null turned to nothing", tenant!("type: Simple, description: null"), IN_FLIGHT, "spec: {description: null}", Accepted),
    locked("in flight: an identifier that was not there", tenant!("type: Simple"), IN_FLIGHT, "spec: {existingTenantID: t-1}", Refused("can only be removed now")),
    locked("in flight: another identifier", tenant!("type: Simple, existingTenantID: t-1"), IN_FLIGHT, "spec: {existingTenantID: t-2}", Refused("can only be removed now")),
    locked("in flight: the identifier removed", tenant!("type: Simple, existingTenantID: t-1"), IN_FLIGHT, "spec: {existingTenantID: null}", Accepted),
    locked("in flight: the identifier of a Complete tenant removed", tenant!("type: Complete, existingTenantID: t-1"), IN_FLIGHT, "spec: {existingTenantID: null}", Refused("needs an administrator")),
    locked("in flight: the identifier removed and the administrator added", tenant!("type: Complete, existingTenantID: t-1"), IN_FLIGHT, "spec: {existingTenantID: null, administrator: {name: a, passwordSecretRef: {name: s}}}", Accepted),
    locked("in flight: an administrator added to a tenant that was taken over", tenant!("type: Complete, existingTenantID: t-1"), IN_FLIGHT, "spec: {administrator: {name: a, passwordSecretRef: {name: s}}}", Accepted),
    locked("done: type", TENANT_FULL, DONE, "spec: {type: Simple, administrator: null}", Refused("spec.type cannot change any more")),
    locked("done: administrator removed", TENANT_FULL, DONE, "spec: {type: Simple, administrator: null}", Refused("spec.administrator cannot change any more")),
    locked("done: state is open", TENANT_FULL, DONE, "spec: {state: Inactive}", Accepted),
    locked("done: deletionPolicy is open", TENANT_FULL, DONE, "spec: {deletionPolicy: Retain}", Accepted),
    locked("done: deletionPolicy away is open", TENANT_FULL, DONE, "spec: {deletionPolicy: null}", Accepted),
    locked("done: removeTenantArtifacts is open", TENANT_FULL, DONE, "spec: {removeTenantArtifacts: false}", Accepted),
    locked("done: suspend is open", TENANT_FULL, DONE, "spec: {suspend: true}", Accepted),
    locked("done: the password reference is open", TENANT_FULL, DONE, "spec: {administrator: {passwordSecretRef: {name: other, key: other}}}", Accepted),
    locked("done: the default of the key is open", TENANT_FULL, DONE, "spec: {administrator: {passwordSecretRef: {key: null}}}", Accepted),
    locked("done: a label is open", TENANT_FULL, DONE, "metadata: {labels: {a: b}}", Accepted),
    locked("done: the same again is open", TENANT_FULL, DONE, "spec: {name: Acme Ltd., description: Gold contract}", Accepted),
    locked("done: a description that was not there", tenant!("type: Simple"), DONE, "spec: {description: x}", Refused("spec.description cannot change")),
    locked("done: a name that was not there", tenant!("type: Simple"), DONE, "spec: {name: Other}", Refused("spec.name cannot change")),
    locked("done: metadata.name written down as name", tenant!("type: Simple"), DONE, "spec: {name: case}", Accepted),
    locked("done: a name that says metadata.name removed", tenant!("type: Simple, name: case"), DONE, "spec: {name: null}", Accepted),
    locked("done: null turned to nothing", tenant!("type: Simple, description: null"), DONE, "spec: {description: null}", Accepted),
    locked("done: an identifier that was not there", tenant!("type: Simple"), DONE, "spec: {existingTenantID: t-1}", Refused("can only be removed now")),
    locked("done: another identifier", tenant!("type: Simple, existingTenantID: t-1"), DONE, "spec: {existingTenantID: t-2}", Refused("can only be removed now")),
    locked("done: the identifier removed", tenant!("type: Simple, existingTenantID: t-1"), DONE, "spec: {existingTenantID: null}", Accepted),
    locked("done: the identifier of a Complete tenant removed", tenant!("type: Complete, existingTenantID: t-1"), DONE, "spec: {existingTenantID: null}", Refused("needs an administrator")),
    locked("done: the identifier removed and the administrator added", tenant!("type: Complete, existingTenantID: t-1"), DONE, "spec: {existingTenantID: null, administrator: {name: a, passwordSecretRef: {name: s}}}", Accepted),
    locked("done: an administrator added to a tenant that was taken over", tenant!("type: Complete, existingTenantID: t-1"), DONE, "spec: {administrator: {name: a, passwordSecretRef: {name: s}}}", Accepted),
    update("open: an identifier added", TENANT_FULL, "spec: {existingTenantID: t-2}", Accepted),
    update("open: the administrator of a Complete tenant removed", TENANT_FULL, "spec: {administrator: null}", Refused("needs an administrator")),
    locked("status: words that nobody foresaw", TENANT_FULL, "status: {observedGeneration: 1, state: 'Etwas Neues', task: {id: '7', type: Unheard, state: 'Half done', stage: '', progress: 100, created: '2024-05-01T10:00:00', error: {code: NEW_Code, message: 'x'}}}", "spec: {name: Other}", Accepted),
    locked("status: a time that the operator cannot read", TENANT_FULL, "status: {conditions: [{type: Odd, status: 'True', reason: Odd, message: '', lastTransitionTime: '9999-12-31T23:59:59-23:59'}]}", "spec: {name: Other}", Accepted),
    locked("status: null", TENANT_FULL, "status: null", "spec: {name: Other}", Accepted),
    locked("status: nulls", TENANT_FULL, "status: {observedGeneration: null, tenantID: null, task: null, creation: null, removal: null, conditions: null, state: null, adopted: null}", "spec: {name: Other}", Accepted),
];

/// VirtualMachines.
#[rustfmt::skip]
pub const MACHINES: &[Case] = &[
    create("machine: everything", MACHINE_FULL, Accepted),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10", machine!("tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10"), Accepted),
    create("machine: tenantRef: {name: acme}, biosID: 4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10", machine!("tenantRef: {name: acme}, biosID: 4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10"), Accepted),
    create("machine: tenantRef: {name: acme}, biosID: '{4230D3EF-1F2B-8b1c-0a55-9A4F3A1D7C10}'", machine!("tenantRef: {name: acme}, biosID: '{4230D3EF-1F2B-8b1c-0a55-9A4F3A1D7C10}'"), Accepted),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, name: null, userData: null, deletionPolicy: null", machine!("tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, name: null, userData: null, deletionPolicy: null"), Accepted),
    create("machine: tenantRef: {name: acme}, biosID: '{4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10'", machine!("tenantRef: {name: acme}, biosID: '{4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10'"), Refused("must be a UUID")),
    create("machine: tenantRef: {name: acme}, biosID: '4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10}'", machine!("tenantRef: {name: acme}, biosID: '4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10}'"), Refused("must be a UUID")),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef1f2b8b1c0a559a4f3a1d7c10", machine!("tenantRef: {name: acme}, biosID: 4230d3ef1f2b8b1c0a559a4f3a1d7c10"), Refused("must be a UUID")),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c1", machine!("tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c1"), Refused("must be a UUID")),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3eg-1f2b-8b1c-0a55-9a4f3a1d7c10", machine!("tenantRef: {name: acme}, biosID: 4230d3eg-1f2b-8b1c-0a55-9a4f3a1d7c10"), Refused("must be a UUID")),
    create("machine: tenantRef: {name: acme}, biosID: ''", machine!("tenantRef: {name: acme}, biosID: ''"), Refused("must be a UUID")),
    create("machine: tenantRef: {name: acme}, biosID: '423 d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10'", machine!("tenantRef: {name: acme}, biosID: '423 d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10'"), Refused("must be a UUID")),
    create("machine: tenantRef: {name: acme}", machine!("tenantRef: {name: acme}"), Refused("biosID: Required value")),
    create("machine: biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10", machine!("biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10"), Refused("tenantRef: Required value")),
    create("machine: biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, tenantRef: {}", machine!("biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, tenantRef: {}"), Refused("name: Required value")),
    create("machine: biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, tenantRef: {name: ''}", machine!("biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, tenantRef: {name: ''}"), Refused("not a name that an object can have")),
    create("machine: biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, tenantRef: {name: customers/acme}", machine!("biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, tenantRef: {name: customers/acme}"), Refused("not a name that an object can have")),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, name: ''", machine!("tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, name: ''"), Refused("must not be empty")),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, name: \"a\\x02\"", machine!("tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, name: \"a\\x02\""), Refused("XML 1.0 cannot hold")),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, userData: \"a\\uFFFF\"", machine!("tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, userData: \"a\\uFFFF\""), Refused("XML 1.0 cannot hold")),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, userData: \"]]> \\r\\n\"", machine!("tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, userData: \"]]> \\r\\n\""), Accepted),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, deletionPolicy: Retain", machine!("tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, deletionPolicy: Retain"), Accepted),
    create("machine: tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, deletionPolicy: Orphan", machine!("tenantRef: {name: acme}, biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10, deletionPolicy: Orphan"), Refused("Unsupported value")),
    update("machine: another tenant", MACHINE_FULL, "spec: {tenantRef: {name: other}}", Refused("tenantRef cannot change")),
    locked("registered machine: another tenant", MACHINE_FULL, "status: {observedGeneration: 1, virtualMachineID: m, tenantID: t, integrationServer: main}", "spec: {tenantRef: {name: other}}", Refused("tenantRef cannot change")),
    update("machine: another BIOS ID", MACHINE_FULL, "spec: {biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c11}", Refused("biosID cannot change")),
    locked("registered machine: another BIOS ID", MACHINE_FULL, "status: {observedGeneration: 1, virtualMachineID: m, tenantID: t, integrationServer: main}", "spec: {biosID: 4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c11}", Refused("biosID cannot change")),
    update("machine: the BIOS ID in other letters", MACHINE_FULL, "spec: {biosID: 4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10}", Refused("biosID cannot change")),
    locked("registered machine: the BIOS ID in other letters", MACHINE_FULL, "status: {observedGeneration: 1, virtualMachineID: m, tenantID: t, integrationServer: main}", "spec: {biosID: 4230D3EF-1F2B-8B1C-0A55-9A4F3A1D7C10}", Refused("biosID cannot change")),
    update("machine: another name", MACHINE_FULL, "spec: {name: other}", Accepted),
    locked("registered machine: another name", MACHINE_FULL, "status: {observedGeneration: 1, virtualMachineID: m, tenantID: t, integrationServer: main}", "spec: {name: other}", Accepted),
    update("machine: no name", MACHINE_FULL, "spec: {name: null}", Accepted),
    locked("registered machine: no name", MACHINE_FULL, "status: {observedGeneration: 1, virtualMachineID: m, tenantID: t, integrationServer: main}", "spec: {name: null}", Accepted),
    update("machine: other user data", MACHINE_FULL, "spec: {userData: other}", Accepted),
    locked("registered machine: other user data", MACHINE_FULL, "status: {observedGeneration: 1, virtualMachineID: m, tenantID: t, integrationServer: main}", "spec: {userData: other}", Accepted),
    update("machine: another policy", MACHINE_FULL, "spec: {deletionPolicy: Retain}", Accepted),
    locked("registered machine: another policy", MACHINE_FULL, "status: {observedGeneration: 1, virtualMachineID: m, tenantID: t, integrationServer: main}", "spec: {deletionPolicy: Retain}", Accepted),
];

/// All of them.
#[must_use]
pub fn all() -> Vec<Case> {
    [SERVERS, TENANTS, LOCKS, MACHINES].concat()
}

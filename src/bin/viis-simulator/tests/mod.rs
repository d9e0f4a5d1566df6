//! Live tests: the whole server on 127.0.0.1, asked over HTTPS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod control;
mod dialects;
mod faults;
mod queue;
mod seeds;
mod wire;

use std::time::{Duration, Instant};

use clap::Parser;
use reqwest::Method;
use roxmltree::Document;
use serde_json::{Value, json};

use crate::flags::Flags;
use crate::start::start;

const BIOS_ID: &str = "4230d3ef-1f2b-8b1c-0a55-9a4f3a1d7c10";
const PASSWORD: &str = "cGFzc3dvcmQ=";
/// What never comes is a failure, not a test without an end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and a client of both its ports.
struct Server {
    line: Value,
    https: reqwest::Client,
    http: reqwest::Client,
    password: String,
}

/// An answer that arrived whole.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Server {
    /// Quick tasks, the rest as given.
    async fn start(arguments: &[&str]) -> Server {
        let quick = [
            "viis-simulator",
            "--create-duration=30ms",
            "--activate-duration=10ms",
            "--delete-duration=30ms",
        ];
        Server::start_with(&[&quick, arguments].concat()).await
    }

    async fn start_with(arguments: &[&str]) -> Server {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let certificate = ["--certificate-dir", folder.path().to_str().unwrap()];
        let arguments = [arguments, &certificate].concat();
        let line = start(&Flags::try_parse_from(arguments).unwrap())
            .await
            .unwrap();
        let authority = std::fs::read(line["caFile"].as_str().unwrap()).unwrap();
        let authority = reqwest::Certificate::from_pem(&authority).unwrap();
        let https = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([authority])
            .build()
            .unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Server {
            line,
            https,
            http,
            password: "simulator".into(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let port = self.line["port"].as_u64().unwrap();
        let url = format!("https://127.0.0.1:{port}/api/2.0/virtualization/{path}");
        self.https
            .request(method, url)
            .basic_auth("multitenancy", Some(&self.password))
    }

    async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await.unwrap()
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    async fn try_post(&self, path: &str, body: &str) -> reqwest::Result<Answer> {
        let request = self.request(Method::POST, path);
        answer(
            request
                .header("Content-Type", "application/xml")
                .body(body.to_owned()),
        )
        .await
    }

    async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await.unwrap()
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, said) = self.try_control(method, path, body).await;
        assert_eq!(status, 200, "{path}: {said}");
        said
    }

    async fn try_control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let base = self.line["control"].as_str().unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{base}{path}"));
        let response = request.body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap())
    }

    async fn state(&self) -> Value {
        self.control("GET", "/state", Value::Null).await
    }

    /// The tenants' names, in the server's order.
    async fn tenants(&self) -> Vec<String> {
        let state = self.state().await;
        let tenants = state["tenants"].as_array().unwrap().iter();
        tenants
            .map(|tenant| tenant["name"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn fault(&self, call: &str, action: Value) -> u64 {
        let order = json!({"call": call, "action": action});
        let said = self.control("POST", "/faults", order).await;
        said["id"].as_u64().unwrap()
    }

    /// A tenant made through the API; its identifier.
    async fn simple(&self, name: &str) -> String {
        let task = self.post("tenants", &simple(name)).await.task();
        self.completed(&task).await;
        let state = self.state().await;
        let mut tenants = state["tenants"].as_array().unwrap().iter();
        let made = tenants.find(|tenant| tenant["name"] == name).unwrap();
        made["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the task has ended and returns its answer.
    async fn ended(&self, task: &str) -> Answer {
        let since = Instant::now();
        loop {
            let answer = self.get(&format!("tasks/{task}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            if ["Completed", "Failed", "Canceled", "Cancelled"]
                .contains(&answer.element("state").as_str())
            {
                return answer;
            }
            assert!(since.elapsed() < PATIENCE, "{answer:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn completed(&self, task: &str) -> Answer {
        let answer = self.ended(task).await;
        assert_eq!(answer.element("state"), "Completed", "{answer:?}");
        answer
    }

    /// Waits until the task has failed and returns its code.
    async fn failed(&self, task: &str) -> String {
        let answer = self.ended(task).await;
        assert_eq!(answer.element("state"), "Failed", "{answer:?}");
        answer.element("code")
    }

    /// Waits for something to become true of the state.
    async fn until(&self, true_of: impl Fn(&Value) -> bool) -> Value {
        let since = Instant::now();
        loop {
            let state = self.state().await;
            if true_of(&state) {
                return state;
            }
            assert!(since.elapsed() < PATIENCE, "{state}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Answer {
    /// The identifier in `<task id="…"/>`.
    fn task(&self) -> String {
        assert_eq!(self.status, 202, "{self:?}");
        let document = Document::parse(&self.text).unwrap();
        document
            .root_element()
            .attribute("id")
            .unwrap_or_else(|| document.root_element().text().unwrap())
            .to_owned()
    }

    /// The text of the first element with this name.
    fn element(&self, name: &str) -> String {
        let document = Document::parse(&self.text).unwrap();
        let element = document.descendants().find(|n| n.has_tag_name(name));
        let element = element.or_else(|| {
            document
                .descendants()
                .find(|n| n.is_element() && n.tag_name().name() == name)
        });
        let node = element.unwrap_or_else(|| panic!("no {name} in {}", self.text));
        node.children().filter_map(|child| child.text()).collect()
    }

    /// Status and documented code.
    fn refusal(&self) -> (u16, String) {
        let document = Document::parse(&self.text).unwrap();
        let code = document
            .descendants()
            .find(|node| node.has_tag_name("code"));
        let code = code.and_then(|node| node.text()).unwrap_or_default();
        (self.status, code.to_owned())
    }
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        // Not `text()`: that hides a byte order mark.
        text: String::from_utf8(response.bytes().await?.to_vec()).unwrap(),
    })
}

fn simple(name: &str) -> String {
    format!("<tenant><name>{name}</name><type>Simple</type></tenant>")
}

fn complete(name: &str, administrator: &str) -> String {
    complete_with(name, administrator, PASSWORD)
}

fn complete_with(name: &str, administrator: &str, password: &str) -> String {
    format!(
        "<tenant><name>{name}</name><type>Complete</type><vKsc><user><name>{administrator}</name>\
         <password>{password}</password></user></vKsc></tenant>"
    )
}

fn machine(bios_id: &str) -> String {
    format!("<vm biosId=\"{bios_id}\"><name>web</name></vm>")
}

#[tokio::test]
async fn the_control_endpoint_stays_on_loopback() {
    let flags = Flags::try_parse_from(["viis-simulator", "--control", "0.0.0.0:0"]).unwrap();
    let error = start(&flags).await.err().unwrap();
    assert!(error.to_string().contains("loopback"), "{error}");
}

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use clap::{Args as _, Command, FromArgMatches as _};
use rstest::rstest;

use super::super::installation::dns_label;
use super::*;

fn command() -> Command {
    RunOptions::augment_args(Command::new("run"))
}

/// The settings that these options give, whatever the environment of the test.
fn settings(options: &[&str]) -> Result<operator::Settings, clap::Error> {
    let command = command().mut_args(|option| option.env(None::<&str>));
    let matches = command.try_get_matches_from([&["run"], options].concat())?;
    Ok(RunOptions::from_arg_matches(&matches)?.settings().unwrap())
}

#[test]
fn defaults_fit_a_pod() {
    let settings = settings(&[]).unwrap();
    assert!(settings.controllers.watch_namespaces.is_empty());
    assert_eq!(settings.controllers.operator_namespace, "viis-system");
    assert_eq!(settings.controllers.operator_name, "viis-operator");
    assert_eq!(
        settings.metrics_address,
        Some("0.0.0.0:8080".parse().unwrap())
    );
}

#[rstest]
#[case::repeated(&["--watch-namespace", "b", "--watch-namespace", "a"])]
#[case::separated(&["--watch-namespace", "b,a"])]
#[case::doubled(&["--watch-namespace=a,b,a"])]
#[case::blanks(&["--watch-namespace", " a, b,"])]
fn namespaces_are_listed_or_repeated(#[case] options: &[&str]) {
    assert_eq!(
        settings(options).unwrap().controllers.watch_namespaces,
        ["a", "b"]
    );
}

#[test]
fn a_variable_set_to_nothing_watches_all_namespaces() {
    let settings = settings(&["--watch-namespace="]).unwrap();
    assert!(settings.controllers.watch_namespaces.is_empty());
}

#[rstest]
#[case("off")]
#[case("")]
fn metrics_can_be_switched_off(#[case] address: &str) {
    assert_eq!(
        settings(&["--metrics-address", address])
            .unwrap()
            .metrics_address,
        None
    );
}

#[test]
fn metrics_listen_on_ipv6_too() {
    let settings = settings(&["--metrics-address", "[::]:9090"]).unwrap();
    assert_eq!(settings.metrics_address, Some("[::]:9090".parse().unwrap()));
}

#[rstest]
#[case::upper_case(&["--watch-namespace", "Team"])]
#[case::second_of_two(&["--watch-namespace", "a,b/c"])]
#[case::blank_namespace(&["--operator-namespace", ""])]
#[case::hyphen_at_an_end(&["--operator-name", "-x"])]
#[case::no_port(&["--metrics-address", "0.0.0.0"])]
#[case::name_for_address(&["--metrics-address", "localhost:8080"])]
#[case::unknown_format(&["--log-format", "xml"])]
fn what_cannot_work_is_refused(#[case] options: &[&str]) {
    let error = settings(options).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
}

#[test]
fn a_label_has_at_most_63_characters() {
    assert!(dns_label(&"a".repeat(63)).is_ok());
    assert!(dns_label(&"a".repeat(64)).is_err());
}

#[test]
fn every_option_has_its_environment_variable() {
    for option in command().get_arguments() {
        let long = option.get_long().unwrap();
        let expected = format!("VIIS_{}", long.replace('-', "_").to_uppercase());
        let variable = option
            .get_env()
            .unwrap_or_else(|| panic!("--{long} has none"));
        assert_eq!(variable.to_str(), Some(expected.as_str()));
    }
}

#[test]
fn nobody_competes_unless_asked_to() {
    assert_eq!(settings(&[]).unwrap().election, None);
}

#[test]
fn the_lease_has_the_name_of_the_installation() {
    let options = ["--leader-election", "--operator-name", "other"];
    let election = settings(&options).unwrap().election.unwrap();
    assert_eq!(election.namespace, "viis-system");
    assert_eq!(election.name, "other");
    assert_eq!(election.timing.duration, Duration::from_secs(15));
    assert_eq!(election.timing.renew_deadline, Duration::from_secs(10));
    assert_eq!(election.timing.retry_period, Duration::from_secs(1));
}

#[test]
fn a_timing_without_a_margin_is_refused() {
    let command = command().mut_args(|option| option.env(None::<&str>));
    let options = ["run", "--leader-election", "--lease-duration=10s"];
    let matches = command.try_get_matches_from(options).unwrap();
    let refused = RunOptions::from_arg_matches(&matches).unwrap().settings();
    assert_eq!(refused.unwrap_err(), WrongTiming::NoMargin);
}

#[rstest]
#[case("15")]
#[case("-1s")]
#[case("soon")]
fn what_is_no_time_is_refused(#[case] time: &str) {
    let option = format!("--lease-duration={time}");
    assert!(settings(&[&option]).is_err());
}

/// What the chart gives to a pod: arguments to `run`, and variables that `check` and
/// `import` read there, too.
fn options_of_the_chart(values: &str) -> (Vec<String>, Vec<String>) {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/viis-operator");
    let text = std::fs::read_to_string(format!("{chart}/tests/snapshots/{values}.yaml")).unwrap();
    let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text).unwrap();
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment");
    let container = &deployment.unwrap()["spec"]["template"]["spec"]["containers"][0];
    let words = container["args"].as_array().unwrap().iter();
    let mut words = words.map(|word| word.as_str().unwrap().to_owned());
    assert_eq!(words.next().as_deref(), Some("run"));
    let variables = container["env"].as_array().unwrap().iter();
    let variables = variables.filter_map(|variable| {
        let name = variable["name"].as_str().unwrap().strip_prefix("VIIS_")?;
        let option = format!("--{}", name.to_lowercase().replace('_', "-"));
        Some(match variable["value"].as_str() {
            Some("true") => option,
            Some(value) => format!("{option}={value}"),
            // The pod's own namespace.
            None => format!("{option}=viis-system"),
        })
    });
    let variables: Vec<String> = variables.collect();
    (words.collect(), variables)
}

#[rstest]
#[case("default", &[], true)]
#[case("one-namespace", &["customers"], true)]
#[case("everything", &["customers", "default", "viis-system"], true)]
#[case("little", &[], false)]
fn the_chart_gives(#[case] values: &str, #[case] watched: &[&str], #[case] elects: bool) {
    let (arguments, variables) = options_of_the_chart(values);
    let option = |word: &str| word.split('=').next().map(str::to_owned);
    let given: Vec<_> = arguments.iter().map(|word| option(word)).collect();
    let counts = |word: &&String| !given.contains(&option(word));
    let all = variables.iter().filter(counts).chain(&arguments);
    let all = all.map(String::as_str);
    let settings = settings(&all.collect::<Vec<_>>()).unwrap();
    assert_eq!(settings.controllers.watch_namespaces, watched);
    assert_eq!(settings.election.is_some(), elects);
    // In the pod, `check` has the variables alone.
    let check = crate::commands::check::CheckOptions::augment_args(Command::new("check"))
        .mut_args(|option| option.env(None::<&str>));
    let knows = |word: &&str| {
        let mut options = check.get_arguments();
        options.any(|known| option(word) == known.get_long().map(|long| format!("--{long}")))
    };
    let words: Vec<&str> = variables.iter().map(String::as_str).filter(knows).collect();
    let matches = check.try_get_matches_from([vec!["check"], words].concat());
    let matches = matches.unwrap();
    let seen = matches.get_many::<String>("watch_namespaces");
    assert!(seen.unwrap_or_default().eq(watched), "{matches:?}");
    assert_eq!(matches.get_flag("leader_election"), elects);
}

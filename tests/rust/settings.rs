use std::collections::HashMap;

use ptpd_monitoring::{
    error::{Error, Result},
    settings::{Settings, misspelt_among},
};

const COUNT: &str = "a whole number of at least 1";
const PERCENT: &str = "a number from 0 to 100";
const DAYS: &str = "a whole number of days from 1 to 4294967295";
const TTL: &str = "a finite number of seconds (zero or less: entries never expire)";

fn read(variables: &[(&str, &str)]) -> Result<Settings> {
    let variables: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| (format!("PTPD_MONITORING_{name}"), (*value).to_owned()))
        .collect();
    Settings::from_lookup(|name| variables.get(name).cloned())
}

#[test]
fn an_empty_environment_means_the_documented_defaults() {
    let expected = Settings {
        max_history: 10_000,
        max_operations: 10_000,
        max_endpoints: 10_000,
        cpu_threshold: 80.0,
        memory_threshold: 80.0,
        disk_threshold: 90.0,
        cache_size: 1_000,
        cache_ttl: 3_600.0,
        cache_max_bytes: None,
        history: None,
        retention_days: 30,
    };
    assert_eq!(read(&[]).unwrap(), expected);
    assert_eq!(Settings::default(), expected);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of all variables")]
fn each_variable_sets_its_own_setting_and_no_other() {
    let defaults = Settings::default;
    let table = [
        (
            "MAX_HISTORY",
            "5000",
            Settings {
                max_history: 5_000,
                ..defaults()
            },
        ),
        (
            "MAX_HISTORY",
            "1",
            Settings {
                max_history: 1,
                ..defaults()
            },
        ),
        (
            "CPU_THRESHOLD",
            "75.0",
            Settings {
                cpu_threshold: 75.0,
                ..defaults()
            },
        ),
        (
            "CPU_THRESHOLD",
            "0",
            Settings {
                cpu_threshold: 0.0,
                ..defaults()
            },
        ),
        (
            "MEMORY_THRESHOLD",
            " 85.5\n",
            Settings {
                memory_threshold: 85.5,
                ..defaults()
            },
        ),
        (
            "DISK_THRESHOLD",
            "1e2",
            Settings {
                disk_threshold: 100.0,
                ..defaults()
            },
        ),
        (
            "CACHE_SIZE",
            "+2000",
            Settings {
                cache_size: 2_000,
                ..defaults()
            },
        ),
        (
            "CACHE_TTL",
            "0.5",
            Settings {
                cache_ttl: 0.5,
                ..defaults()
            },
        ),
        (
            "CACHE_TTL",
            "-1",
            Settings {
                cache_ttl: -1.0,
                ..defaults()
            },
        ),
        (
            "MAX_OPERATIONS",
            "70",
            Settings {
                max_operations: 70,
                ..defaults()
            },
        ),
        (
            "MAX_ENDPOINTS",
            "80",
            Settings {
                max_endpoints: 80,
                ..defaults()
            },
        ),
        (
            "CACHE_MAX_BYTES",
            "90",
            Settings {
                cache_max_bytes: Some(90),
                ..defaults()
            },
        ),
        (
            "HISTORY",
            " over there/history.db",
            Settings {
                history: Some(" over there/history.db".into()),
                ..defaults()
            },
        ),
        (
            "RETENTION_DAYS",
            "91",
            Settings {
                retention_days: 91,
                ..defaults()
            },
        ),
    ];
    for (name, value, expected) in table {
        assert_eq!(
            read(&[(name, value)]).unwrap(),
            expected,
            "{name}={value:?}"
        );
    }
}

#[test]
fn a_blank_variable_means_the_default() {
    for blank in ["", " ", "\t\n"] {
        let names = [
            "MAX_HISTORY",
            "MAX_OPERATIONS",
            "CPU_THRESHOLD",
            "CACHE_TTL",
            "CACHE_MAX_BYTES",
            "HISTORY",
            "RETENTION_DAYS",
        ];
        let settings = read(&names.map(|name| (name, blank))).unwrap();
        assert_eq!(settings, Settings::default(), "{blank:?}");
    }
}

#[test]
fn a_bad_value_is_refused_with_its_variable_and_what_is_allowed() {
    let table: [(&str, &str, &[&str]); 10] = [
        (
            "MAX_HISTORY",
            COUNT,
            &["0", "-1", "2.5", "many", "1_000", "99999999999999999999"],
        ),
        ("MAX_OPERATIONS", COUNT, &["0", "-1"]),
        ("MAX_ENDPOINTS", COUNT, &["0", "all"]),
        ("CACHE_SIZE", COUNT, &["0", "inf", "1e3"]),
        ("CACHE_MAX_BYTES", COUNT, &["0", "-1", "1MB", "none"]),
        (
            "CPU_THRESHOLD",
            PERCENT,
            &["-0.1", "100.1", "nan", "inf", "80%"],
        ),
        ("MEMORY_THRESHOLD", PERCENT, &["101", "-inf", "0x10"]),
        ("DISK_THRESHOLD", PERCENT, &["1e3", "80,5"]),
        ("CACHE_TTL", TTL, &["nan", "inf", "-inf", "1h"]),
        (
            "RETENTION_DAYS",
            DAYS,
            &["0", "-1", "1.5", "4294967296", "a month"],
        ),
    ];
    for (name, allowed, values) in table {
        for value in values {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(matches!(error, Error::InvalidSetting { .. }));
            assert_eq!(
                error.to_string(),
                format!("PTPD_MONITORING_{name} must be {allowed}, got {value:?}")
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn a_path_need_not_be_text() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let path = OsStr::from_bytes(b"/tmp/\xFF.db");
    let lookup = |name: &str| name.ends_with("_HISTORY").then_some(path);
    let lookup = |name: &str| (name != "PTPD_MONITORING_MAX_HISTORY").then(|| lookup(name))?;
    assert_eq!(
        Settings::from_lookup(lookup).unwrap().history.unwrap(),
        path
    );
}

#[test]
fn one_bad_variable_is_found_among_good_ones() {
    let error = read(&[
        ("MAX_HISTORY", "5"),
        ("CACHE_TTL", "soon"),
        ("CACHE_SIZE", "7"),
    ]);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with("PTPD_MONITORING_CACHE_TTL ")
    );
}

#[test]
fn the_process_environment_is_what_is_read() {
    let variables = [
        ("PTPD_MONITORING_MAX_HISTORY", Some("77")),
        ("PTPD_MONITORING_CPU_THRESHOLD", Some("12.5")),
        ("PTPD_MONITORING_CACHE_SIZE", None),
    ];
    let settings = temp_env::with_vars(variables, Settings::from_environment).unwrap();
    assert_eq!((settings.max_history, settings.cpu_threshold), (77, 12.5));
    assert_eq!(settings.cache_size, 1_000);
}

#[test]
fn a_bad_variable_troubles_only_who_wants_it() {
    let lookup = |name: &str| match name {
        "PTPD_MONITORING_CPU_THRESHOLD" => Some("80%"),
        "PTPD_MONITORING_CACHE_SIZE" => Some("7"),
        _ => None,
    };
    let settings = Settings::some_from_lookup(&["cache_size", "cache_ttl"], lookup).unwrap();
    let expected = Settings {
        cache_size: 7,
        ..Settings::default()
    };
    assert_eq!(settings, expected);
    let error = Settings::some_from_lookup(&["cache_size", "cpu_threshold"], lookup);
    assert!(matches!(error, Err(Error::InvalidSetting { .. })));
    assert!(Settings::from_lookup(lookup).is_err());
    let nothing = Settings::some_from_lookup(&["disk_threshold"], lookup).unwrap();
    assert_eq!(nothing, Settings::default());
}

#[test]
fn what_looks_like_a_variable_and_is_none_is_told_with_the_nearest() {
    let nearest = |name: &str| {
        let found = misspelt_among(["PATH".to_owned(), name.to_owned()]);
        assert!(found.len() <= 1, "{found:?}");
        found.into_iter().next().map(|found| found.nearest)
    };
    let table = [
        ("PTPD_MONITORING_HISTROY", "HISTORY"),
        ("PTPD_MONITORING_MAXHISTORY", "MAX_HISTORY"),
        ("PTPD_MONITORING_THRESHOLD_CPU", "CPU_THRESHOLD"),
        ("PTPD_MONITORING_TTL", "CACHE_TTL"),
        ("PTPD_MONITORING_SERVISE", "SERVICE"),
        ("PTPD_MONITORING_VERSIONS", "VERSION"),
        ("PTPD_MONITORING_NVML", "NVML_LIBRARY"),
        ("PTPD_MONITORING_RETENTION_DAY", "RETENTION_DAYS"),
        ("Ptpd_Monitoring_History", "HISTORY"),
        ("PTPD_MONITORIN_HISTORY", "HISTORY"),
        ("PPTD_MONITORING_CACHE_SIZE", "CACHE_SIZE"),
        ("PTPDMONITORING_CACHE_SIZE", "CACHE_SIZE"),
    ];
    for (name, meant) in table {
        let meant = format!("PTPD_MONITORING_{meant}");
        assert_eq!(nearest(name).as_deref(), Some(&*meant), "{name}");
    }
    for fine in [
        "PTPD_MONITORING_HISTORY",
        "PTPD_MONITORING_VERSION",
        "PTPD_MONITORING_SERVICE",
        "PTPD_MONITORING_NVML_LIBRARY",
        "PTPD_MONITORING_SERVICE_HOST",
        "PTPD_MONITORING_SERVICE_PORT_HTTP",
        "PTPD_MONITORING_PORT",
        "PTPD_MONITORING_PORT_8000_TCP_ADDR",
        "PTPD_CALIBRATION_HISTORY",
        "PTPD_WHEEL",
        "MONITORING_HISTORY",
        "",
    ] {
        assert_eq!(nearest(fine), None, "{fine}");
    }
    for anything in [
        "PTPD_MONITORING_",
        "PTPD_MONITORING_\u{E9}t\u{E9}",
        "PTPD_MONITORING_X",
    ] {
        assert!(nearest(anything).is_some(), "{anything}");
    }
    let two = ["PTPD_MONITORING_B", "PTPD_MONITORING_A"].map(String::from);
    assert_eq!(misspelt_among(two).len(), 2);
}

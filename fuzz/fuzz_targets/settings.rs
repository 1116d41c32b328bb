//! Settings of any text: usable values, or an error that names the variable.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use ptpd_monitoring::{error::Error, settings::Settings};

const NAMES: [&str; 11] = [
    "PTPD_MONITORING_MAX_HISTORY",
    "PTPD_MONITORING_CPU_THRESHOLD",
    "PTPD_MONITORING_MEMORY_THRESHOLD",
    "PTPD_MONITORING_DISK_THRESHOLD",
    "PTPD_MONITORING_CACHE_SIZE",
    "PTPD_MONITORING_CACHE_TTL",
    "PTPD_MONITORING_MAX_OPERATIONS",
    "PTPD_MONITORING_MAX_ENDPOINTS",
    "PTPD_MONITORING_CACHE_MAX_BYTES",
    "PTPD_MONITORING_HISTORY",
    "PTPD_MONITORING_RETENTION_DAYS",
];

// One line for each variable, in that order; a missing one is unset.
fuzz_target!(|text: &str| {
    let variables: HashMap<&str, &str> = NAMES.into_iter().zip(text.split('\n')).collect();
    let lookup = |name: &str| {
        assert!(NAMES.contains(&name), "reads {name}");
        variables.get(name).map(|value| (*value).to_owned())
    };
    let defaults = Settings::default();
    match Settings::from_lookup(lookup) {
        Ok(settings) => {
            assert!(settings.max_history >= 1 && settings.cache_size >= 1);
            assert!(settings.max_operations >= 1 && settings.max_endpoints >= 1);
            assert!(settings.cache_max_bytes.is_none_or(|bytes| bytes >= 1));
            assert!(settings.retention_days >= 1);
            assert!(settings.cache_ttl.is_finite());
            let percents = [
                (settings.cpu_threshold, defaults.cpu_threshold),
                (settings.memory_threshold, defaults.memory_threshold),
                (settings.disk_threshold, defaults.disk_threshold),
            ];
            for ((percent, default), name) in percents.into_iter().zip(&NAMES[1..4]) {
                assert!((0.0..=100.0).contains(&percent), "{name} is {percent}");
                let text = variables.get(name).map_or("", |text| text.trim());
                let expected = if text.is_empty() {
                    default
                } else {
                    text.parse().expect("an accepted number")
                };
                assert!(percent.to_bits() == expected.to_bits(), "{name}: {text:?}");
            }
        }
        Err(error) => {
            let Error::InvalidSetting {
                variable, value, ..
            } = &error
            else {
                panic!("another error: {error}");
            };
            assert_eq!(variables.get(&**variable), Some(&&**value));
            assert!(error.to_string().contains(&**variable));
        }
    }
});

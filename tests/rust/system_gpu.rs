//! Which GPUs are visible to a process, as CUDA sees it.

use proptest::prelude::*;
use ptpd_monitoring::system::gpu::visible::{Environment, Gpu, Place, visible};

fn gpu(uuid: &str) -> Gpu {
    Gpu {
        uuid: format!("GPU-{uuid}"),
        name: "Alpha".to_owned(),
        speed: Some(1.0),
        is_divided: false,
        parts: Vec::new(),
    }
}

fn divided(uuid: &str, parts: &[(u32, &str)]) -> Gpu {
    let part = |(place, uuid): &(u32, &str)| (*place, format!("MIG-{uuid}"));
    Gpu {
        is_divided: true,
        parts: parts.iter().map(part).collect(),
        ..gpu(uuid)
    }
}

fn model(name: &str, speed: Option<f64>) -> Gpu {
    Gpu {
        name: name.to_owned(),
        speed,
        ..gpu(name)
    }
}

fn whole(gpu: u32) -> Place {
    Place { gpu, part: None }
}

fn part(gpu: u32, part: u32) -> Place {
    Place {
        gpu,
        part: Some(part),
    }
}

fn shown(gpus: &[Gpu], variable: &str) -> Vec<Place> {
    let environment = Environment {
        visible: Some(variable.into()),
        order: None,
    };
    visible(gpus, &environment)
}

fn ordered(gpus: &[Gpu], order: Option<&str>) -> Vec<u32> {
    let environment = Environment {
        visible: None,
        order: order.map(Into::into),
    };
    let places = visible(gpus, &environment);
    places.iter().map(|place| place.gpu).collect()
}

#[test]
fn the_list_is_read_as_cuda_reads_it() {
    let gpus = [
        gpu("1a"),
        gpu("1b"),
        gpu("2c"),
        divided("3d", &[(1, "5a"), (3, "5b")]),
    ];
    let situations: &[(&str, &[Place])] = &[
        ("0", &[whole(0)]),
        ("2,0", &[whole(2), whole(0)]),
        (" 2 , 0 ", &[whole(2), whole(0)]),
        ("1gpu2,0alpha", &[whole(1), whole(0)]),
        ("+1", &[whole(1)]),
        ("3", &[part(3, 1)]),
        // What names nothing ends the list.
        ("0,-1,1", &[whole(0)]),
        ("0,9,1", &[whole(0)]),
        ("0,,1", &[whole(0)]),
        ("0,GPU-1b", &[whole(0)]),
        ("99999999999999999999", &[]),
        ("-1", &[]),
        ("", &[]),
        (",0", &[]),
        ("all", &[]),
        // What comes twice empties it.
        ("0,1,0", &[]),
        ("GPU-1a,GPU-1a", &[]),
        ("GPU-1b", &[whole(1)]),
        ("GPU-2,GPU-1a", &[whole(2), whole(0)]),
        ("GPU-3d", &[part(3, 1)]),
        ("GPU-1", &[]),
        ("GPU-2,GPU-1,GPU-1a", &[whole(2)]),
        ("GPU-2,0", &[whole(2)]),
        ("GPU-9", &[]),
        ("gpu-1a", &[]),
        ("MIG-5b", &[part(3, 3)]),
        ("MIG-5b,MIG-5a", &[part(3, 3), part(3, 1)]),
        ("MIG-5", &[]),
        ("MIG-9,MIG-5a", &[]),
        ("MIG-GPU-3d/7/0", &[]),
    ];
    for (variable, expected) in situations {
        assert_eq!(shown(&gpus, variable), *expected, "{variable:?}");
    }
}

#[test]
fn without_the_variable_all_are_shown_that_can_be_worked_on() {
    let gpus = [divided("1a", &[]), divided("1b", &[(2, "5a")]), gpu("1c")];
    let all = visible(&gpus, &Environment::default());
    assert_eq!(all, [part(1, 2), whole(2)]);
    assert_eq!(visible(&[], &Environment::default()), []);
}

#[test]
fn the_fastest_comes_first_unless_the_order_of_the_bus_is_asked_for() {
    let gpus = [
        model("slow", Some(1.0)),
        model("fast", Some(3.0)),
        // Of one model, whatever their clocks.
        model("slow", Some(9.0)),
        model("faster", Some(5.0)),
    ];
    assert_eq!(ordered(&gpus, None), [3, 1, 0, 2]);
    assert_eq!(ordered(&gpus, Some("FASTEST_FIRST")), [3, 1, 0, 2]);
    assert_eq!(ordered(&gpus, Some("PCI_BUS_ID")), [0, 1, 2, 3]);
    let unknown = [
        model("slow", Some(1.0)),
        model("other", None),
        model("fast", Some(3.0)),
    ];
    assert_eq!(ordered(&unknown, None), [0, 1, 2]);
}

proptest! {
    #[test]
    fn whatever_the_variable_holds_each_place_exists_and_comes_once(variable in ".{0,30}") {
        let gpus = [gpu("1a"), divided("1b", &[(1, "5a")])];
        let places = shown(&gpus, &variable);
        for (at, place) in places.iter().enumerate() {
            prop_assert!([whole(0), part(1, 1)].contains(place));
            prop_assert!(!places[..at].contains(place));
        }
    }
}

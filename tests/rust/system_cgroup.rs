//! Fixture trees stand for `/proc` and `/sys` of other systems.

use std::{fs, path::Path};

use ptpd_monitoring::system::{
    cgroup::{GroupMemory, Limits, Roots},
    memory::Memory,
};
use tempfile::TempDir;

const UNLIMITED_V1: &str = "9223372036854771712\n";
const V2_MOUNT: &str = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
const V1_MEMORY: &str =
    "33 24 0:31 / /sys/fs/cgroup/memory rw shared:16 - cgroup cgroup rw,memory\n";
const V1_CPU: &str =
    "34 24 0:32 / /sys/fs/cgroup/cpu,cpuacct rw shared:17 - cgroup cgroup rw,cpu,cpuacct\n";

struct Tree(TempDir);

impl Tree {
    fn new(groups: &str, mounts: &str) -> Self {
        let tree = Self(TempDir::new().unwrap());
        tree.with("proc/self/cgroup", groups)
            .with("proc/self/mountinfo", mounts)
            .with("sys/devices/system/cpu/online", "0-3,8-11\n")
    }

    fn with(self, path: &str, content: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn v2_memory(self, group: &str, limit: &str, current: u64, inactive: u64) -> Self {
        let at = |file: &str| format!("sys/fs/cgroup/{group}/{file}");
        self.with(&at("memory.max"), &format!("{limit}\n"))
            .with(&at("memory.current"), &format!("{current}\n"))
            .with(
                &at("memory.stat"),
                &format!("anon 7\nactive_file 9\ninactive_file {inactive}\n"),
            )
    }

    fn v1_memory(self, directory: &str, limit: &str, usage: u64, inactive: u64) -> Self {
        let at = |file: &str| format!("{directory}/{file}");
        self.with(&at("memory.limit_in_bytes"), limit)
            .with(&at("memory.usage_in_bytes"), &format!("{usage}\n"))
            .with(
                &at("memory.stat"),
                &format!("inactive_file 1\ntotal_inactive_file {inactive}\n"),
            )
    }

    fn v2_cpu(self, group: &str, max: &str, usage_usec: u64) -> Self {
        let at = |file: &str| format!("sys/fs/cgroup/{group}/{file}");
        self.with(&at("cpu.max"), &format!("{max}\n")).with(
            &at("cpu.stat"),
            &format!("usage_usec {usage_usec}\nuser_usec 1\n"),
        )
    }

    fn v1_quota(self, directory: &str, quota: &str) -> Self {
        self.with(&format!("{directory}/cpu.cfs_quota_us"), quota)
            .with(&format!("{directory}/cpu.cfs_period_us"), "100000\n")
    }

    fn limits(&self) -> Limits {
        Limits::discover(&Roots::below(self.0.path()))
    }

    fn memory(&self) -> Option<(u64, u64)> {
        let group = self.limits().memory()?.unwrap();
        Some((group.limit, group.used))
    }

    /// Processors in thousandths and nanoseconds, which compare exactly.
    #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
    fn cpu(&self) -> Option<(i64, u64)> {
        let group = self.limits().cpu()?.unwrap();
        Some(((group.processors * 1e3).round() as i64, group.used_nanos))
    }
}

#[test]
fn v2_memory_limit_is_read_and_idle_page_cache_is_not_counted_as_used() {
    let tree = Tree::new("0::/app/web\n", V2_MOUNT).v2_memory("app/web", "1000", 600, 150);
    assert_eq!(tree.memory(), Some((1000, 450)));
}

#[test]
fn v2_tightest_limit_of_all_levels_counts_with_the_usage_of_its_own_level() {
    let tree = Tree::new("0::/pod/app\n", V2_MOUNT)
        .v2_memory("pod/app", "5000", 100, 0)
        .v2_memory("pod", "3000", 2500, 500);
    assert_eq!(tree.memory(), Some((3000, 2000)));
}

#[test]
fn v2_max_is_no_limit() {
    let tree = Tree::new("0::/app\n", V2_MOUNT)
        .v2_memory("app", "max", 600, 150)
        .v2_cpu("app", "max 100000", 5);
    assert_eq!(tree.memory(), None);
    assert_eq!(tree.cpu(), None);
}

#[test]
fn v2_root_group_without_limit_files_is_no_limit() {
    let tree = Tree::new("0::/\n", V2_MOUNT).with("sys/fs/cgroup/cpu.stat", "usage_usec 9\n");
    assert_eq!(tree.memory(), None);
    assert_eq!(tree.cpu(), None);
}

#[test]
fn v2_container_in_its_own_namespace_reads_the_mount_itself() {
    let tree = Tree::new("0::/\n", V2_MOUNT)
        .v2_memory(".", "2048", 1024, 24)
        .v2_cpu(".", "150000 100000", 3_000);
    assert_eq!(tree.memory(), Some((2048, 1000)));
    assert_eq!(tree.cpu(), Some((1500, 3_000_000)));
}

#[test]
fn a_group_path_that_the_mount_does_not_show_falls_back_to_the_mount() {
    for group in ["/docker/0123abcd", "/../sibling", "/../../init.scope"] {
        let tree = Tree::new(&format!("0::{group}\n"), V2_MOUNT).v2_memory(".", "2048", 1024, 24);
        assert_eq!(tree.memory(), Some((2048, 1000)), "{group}");
    }
}

#[test]
fn a_mount_of_the_containers_own_group_is_not_searched_below_itself_again() {
    let mount = "35 24 0:30 /docker/01 /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    let tree = Tree::new("0::/docker/01/worker\n", mount)
        .v2_memory("worker", "700", 300, 0)
        .v2_memory(".", "900", 800, 0)
        .v2_memory("docker/01/worker", "1", 1, 0);
    assert_eq!(tree.memory(), Some((700, 300)));
}

#[test]
fn files_above_the_mount_point_are_never_read_as_limits() {
    let tree = Tree::new("0::/app\n", V2_MOUNT)
        .v2_memory("app", "700", 300, 0)
        .with("sys/fs/memory.max", "5\n");
    assert_eq!(tree.memory(), Some((700, 300)));
}

#[test]
fn v2_cpu_quota_is_the_tightest_on_the_path() {
    let tree = Tree::new("0::/pod/app\n", V2_MOUNT)
        .v2_cpu("pod/app", "300000 100000", 11)
        .v2_cpu("pod", "50000 100000", 77);
    assert_eq!(tree.cpu(), Some((500, 77_000)));
}

#[test]
fn a_quota_of_all_processors_limits_nothing() {
    let at_all = Tree::new("0::/app\n", V2_MOUNT).v2_cpu("app", "800000 100000", 11);
    assert_eq!(at_all.cpu(), None);
    let below = Tree::new("0::/app\n", V2_MOUNT).v2_cpu("app", "799000 100000", 11);
    assert_eq!(below.cpu(), Some((7990, 11_000)));
}

#[test]
fn v1_memory_limit_is_read_and_the_huge_number_is_none() {
    let groups = "5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n";
    let tree = Tree::new(groups, V1_MEMORY)
        .v1_memory("sys/fs/cgroup/memory/docker/a", "4096\n", 3000, 1000)
        .v1_memory("sys/fs/cgroup/memory/docker", UNLIMITED_V1, 9000, 0)
        .v1_memory("sys/fs/cgroup/memory", UNLIMITED_V1, 9000, 0);
    assert_eq!(tree.memory(), Some((4096, 2000)));

    let unlimited =
        Tree::new(groups, V1_MEMORY).v1_memory("sys/fs/cgroup/memory/docker/a", UNLIMITED_V1, 9, 0);
    assert_eq!(unlimited.memory(), None);
}

#[test]
fn v1_path_of_the_host_inside_a_container_falls_back_to_the_mount() {
    let mount = "33 24 0:31 /docker/a /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    let tree = Tree::new("4:memory:/docker/a\n", mount).v1_memory(
        "sys/fs/cgroup/memory",
        "4096\n",
        3000,
        1000,
    );
    assert_eq!(tree.memory(), Some((4096, 2000)));
}

#[test]
fn v1_quota_reads_usage_of_the_level_that_sets_it() {
    let tree = Tree::new("5:cpu,cpuacct:/pod/app\n", V1_CPU)
        .v1_quota("sys/fs/cgroup/cpu,cpuacct/pod/app", "-1\n")
        .v1_quota("sys/fs/cgroup/cpu,cpuacct/pod", "250000\n")
        .with("sys/fs/cgroup/cpu,cpuacct/pod/app/cpuacct.usage", "1\n")
        .with("sys/fs/cgroup/cpu,cpuacct/pod/cpuacct.usage", "123456789\n");
    assert_eq!(tree.cpu(), Some((2500, 123_456_789)));
}

#[test]
fn v1_quota_finds_usage_where_the_accounting_is_mounted_apart() {
    let mounts = "34 24 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                  36 24 0:33 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n";
    let tree = Tree::new("5:cpu:/pod/app\n6:cpuacct:/pod/app\n", mounts)
        .v1_quota("sys/fs/cgroup/cpu/pod/app", "-1\n")
        .v1_quota("sys/fs/cgroup/cpu/pod", "100000\n")
        .with("sys/fs/cgroup/cpuacct/pod/app/cpuacct.usage", "1\n")
        .with("sys/fs/cgroup/cpuacct/pod/cpuacct.usage", "42\n");
    assert_eq!(tree.cpu(), Some((1000, 42)));
}

#[test]
fn hybrid_systems_read_each_controller_where_it_lives() {
    let unified = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    let groups = "4:memory:/a\n1:name=systemd:/a\n0::/b\n";
    let tree = Tree::new(groups, &format!("{unified}{V1_MEMORY}"))
        .v1_memory("sys/fs/cgroup/memory/a", "4096\n", 3000, 0)
        .with("sys/fs/cgroup/unified/b/memory.max", "5\n")
        .with("sys/fs/cgroup/unified/b/cpu.max", "20000 100000\n")
        .with("sys/fs/cgroup/unified/b/cpu.stat", "usage_usec 6\n");
    assert_eq!(tree.memory(), Some((4096, 3000)));
    assert_eq!(tree.cpu(), Some((200, 6_000)));
}

#[test]
fn a_mount_point_with_escaped_characters_is_found() {
    let mount = "35 24 0:30 / /my\\040groups\\134v2 rw - cgroup2 cgroup2 rw\n";
    let tree = Tree::new("0::/a\n", mount)
        .with("my groups\\v2/a/memory.max", "64\n")
        .with("my groups\\v2/a/memory.current", "32\n")
        .with("my groups\\v2/a/memory.stat", "inactive_file 2\n");
    assert_eq!(tree.memory(), Some((64, 30)));
}

#[test]
fn systems_without_control_groups_have_no_limits() {
    let nothing = Limits::discover(&Roots::below(Path::new("/nonexistent")));
    assert!(nothing.memory().is_none() && nothing.cpu().is_none());
    let unmounted = Tree::new("0::/a\n", "");
    assert_eq!((unmounted.memory(), unmounted.cpu()), (None, None));
}

#[test]
fn malformed_files_are_no_limit_and_no_panic() {
    for garbage in [
        "",
        "\n",
        "-",
        "0x10",
        "99999999999999999999999",
        "\u{0}",
        "12 34 56",
    ] {
        let tree = Tree::new(garbage, garbage);
        assert_eq!((tree.memory(), tree.cpu()), (None, None), "{garbage:?}");
        let tree = Tree::new("0::/a\n", V2_MOUNT)
            .with("sys/fs/cgroup/a/memory.max", garbage)
            .with("sys/fs/cgroup/a/cpu.max", garbage);
        let cpu = tree.limits().cpu().map(|cpu| cpu.is_err());
        assert!(cpu.is_none_or(|failed| failed), "{garbage:?}");
    }
}

#[test]
fn usage_that_cannot_be_read_is_an_error_that_names_the_file() {
    let tree = Tree::new("0::/a\n", V2_MOUNT).with("sys/fs/cgroup/a/memory.max", "64\n");
    let error = tree.limits().memory().unwrap().unwrap_err().to_string();
    assert!(error.contains("memory.current"), "{error}");
}

#[test]
fn a_limit_below_the_hosts_memory_replaces_it() {
    let host = Memory {
        total: 1000,
        available: 300,
        used: 700,
    };
    let group = |limit, used| host.limited_to(GroupMemory { limit, used });
    let inside = group(400, 100);
    assert_eq!((inside.total, inside.used), (400, 100));
    assert_eq!(inside.available, 300);
    assert!((inside.percent() - 25.0).abs() < 1e-12);
    // The host has less left than the group is allowed.
    assert_eq!(group(900, 100).available, 300);
    assert_eq!(group(400, 450).available, 0);
    assert_eq!(group(1000, 1), host);
    assert_eq!(group(5000, 1), host);
}

//! Other people's programs, which `./dev test` installs into target/venv.

use std::path::{Path, PathBuf};

/// A program of target/venv; `None` where it is not installed, which CI does not allow.
pub fn installed(name: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = here.join("../../target/venv");
    let list = here.join("../cresset/tests/conformance/requirements.txt");
    let current = std::fs::read(list).ok() == std::fs::read(venv.join("requirements.txt")).ok();
    let program = venv.join("bin").join(name);
    if current && program.exists() {
        return Some(program);
    }
    // A test run without `./dev` may lack it; CI never does.
    assert!(
        std::env::var_os("CI").is_none(),
        "run the tests through ./dev test, which installs what they need"
    );
    println!("skipped: {name} is not installed in target/venv; ./dev setup does it");
    None
}

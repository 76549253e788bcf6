//! sideloop does in every context what the table and the document say.

use std::process::Command;

#[test]
fn calls_end_as_the_table_says_in_every_context() {
    let check = Command::new(env!("CARGO_BIN_EXE_sideloop-contract")).arg("check").output();
    let check = check.expect("the contract can be run");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

//! What does not compile says where and what to do. The messages stand beside the programs in `ui/`.
#![allow(missing_docs, reason = "tests are sentences already")]

#[test]
fn point_at_the_users_token_and_name_the_remedy() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

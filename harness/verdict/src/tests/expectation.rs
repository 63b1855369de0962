//! The expectation of each image.

use pep440_rs::Version;
use rstest::rstest;

use crate::expected::{Column, Expectation, Subject, by_release, expectation, shutdown_release};
use comeback_scenario::fixtures::{docker_restart, known, operator_stop};
use comeback_scenario::model::{ColumnOf, ImageRef, Moment, Probe, Upgrade};

#[rstest]
#[case::below("0.16.0", Some("0.17.0"), Column::Regressed)]
#[case::below_patch("0.15.2", Some("0.17.0"), Column::Regressed)]
#[case::at("0.17.0", Some("0.17.0"), Column::Fixed)]
#[case::release_candidate_counts_as_its_release("0.17.0rc1", Some("0.17.0"), Column::Fixed)]
#[case::development_build_counts_as_its_release("0.17.0.dev3+g1234", Some("0.17.0"), Column::Fixed)]
#[case::candidate_of_the_release_below("0.16.0rc1", Some("0.17.0"), Column::Regressed)]
#[case::post_release_of_the_one_below("0.16.0.post1", Some("0.17.0"), Column::Regressed)]
#[case::above("0.19.0", Some("0.17.0"), Column::Fixed)]
#[case::compared_as_numbers("0.9.0", Some("0.17.0"), Column::Regressed)]
#[case::short_form("0.17", Some("0.17.0"), Column::Fixed)]
#[case::not_fixed_in_any_release("0.19.0", None, Column::Regressed)]
fn column_by_release(#[case] release: &str, #[case] fixed_in: Option<&str>, #[case] wanted: Column) {
    let fixed_in: Option<Version> = fixed_in.map(|v| v.parse().unwrap());
    assert_eq!(by_release(fixed_in.as_ref(), Some(&release.parse().unwrap())), wanted);
    let scenario = comeback_scenario::model::Scenario {
        fixed_in,
        ..docker_restart()
    };
    let subject = Subject::of_release(Some(release.parse().unwrap()));
    assert_eq!(expectation(&scenario, &subject, None), Expectation::Column(wanted));
}

#[rstest]
fn an_unreadable_release_is_expected_fixed(#[values(None, Some("0.17.0"))] fixed_in: Option<&str>) {
    let fixed_in: Option<Version> = fixed_in.map(|v| v.parse().unwrap());
    assert_eq!(by_release(fixed_in.as_ref(), None), Column::Fixed);
}

#[rstest]
fn an_invariant_scenario_is_always_expected_fixed(
    #[values(Some("0.15.2"), Some("0.19.0"), None)] release: Option<&str>,
) {
    let subject = Subject::of_release(release.map(|v| v.parse().unwrap()));
    assert_eq!(
        expectation(&operator_stop(), &subject, None),
        Expectation::Column(Column::Fixed)
    );
}

#[rstest]
fn an_explicit_expectation_outweighs_everything(#[values(Column::Fixed, Column::Regressed)] column: Column) {
    let mut scenario = docker_restart();
    scenario.known = vec![known(Moment::End, Probe::Service, &["down"])];
    let subject = Subject::of_release(Some("0.17.0".parse().unwrap()));
    assert_eq!(
        expectation(&scenario, &subject, Some(column)),
        Expectation::Explicit(column)
    );
}

#[test]
fn a_scenario_with_several_images_is_expected_by_the_release_that_it_names() {
    let mut scenario = docker_restart();
    let old = || Some("0.16.0".parse().unwrap());
    let subject: Version = "0.17.0".parse().unwrap();
    assert_eq!(
        shutdown_release(&scenario, Some(&subject), |_| old()),
        Some(subject.clone())
    );
    scenario.upgrade = Some(Upgrade {
        from: ImageRef::Other("release:0.16.0".into()),
        to: ImageRef::Subject,
    });
    // A gateway under test that is shut down later decides: one that is broken must not pass for the old one.
    assert_eq!(
        shutdown_release(&scenario, Some(&subject), |_| old()),
        Some(subject.clone())
    );
    scenario.column_of = ColumnOf::First;
    assert_eq!(shutdown_release(&scenario, Some(&subject), |_| old()), old());
    let upgraded = Subject {
        shutdown_release: old(),
        ..Subject::of_release(Some(subject.clone()))
    };
    assert_eq!(
        expectation(&scenario, &upgraded, None),
        Expectation::Column(Column::Regressed)
    );
    scenario.upgrade = Some(Upgrade {
        from: ImageRef::Subject,
        to: ImageRef::Other("release:0.16.0".into()),
    });
    assert_eq!(shutdown_release(&scenario, Some(&subject), |_| old()), Some(subject));
}

#[rstest]
#[case::exactly_that_release("0.17.0", None, None, &[], None, true)]
#[case::another_release("0.18.0", None, None, &[], None, false)]
#[case::a_candidate_of_it("0.17.0rc1", None, None, &[], None, true)]
#[case::a_post_release_of_it("0.17.0.post1", None, None, &[], None, true)]
#[case::base_matches("0.17.0", Some("bookworm"), None, &["bookworm"], None, true)]
#[case::another_base("0.17.0", Some("trixie"), None, &["bookworm"], None, false)]
#[case::base_not_known("0.17.0", None, None, &["bookworm"], None, false)]
#[case::supervisor_in_range("0.17.0", None, Some("2.11.3"), &[], Some("<2.13"), true)]
#[case::supervisor_out_of_range("0.17.0", None, Some("2.13.1"), &[], Some("<2.13"), false)]
#[case::supervisor_not_known("0.17.0", None, None, &[], Some("<2.13"), false)]
#[case::supervisor_unreadable("0.17.0", None, Some("s6?"), &[], Some("<2.13"), false)]
fn a_deviation_on_record_applies_to_exactly_its_image(
    #[case] release: &str,
    #[case] base: Option<&str>,
    #[case] supervisor: Option<&str>,
    #[case] bases: &[&str],
    #[case] range: Option<&str>,
    #[case] wanted: bool,
) {
    let mut scenario = docker_restart();
    let mut record = known(Moment::End, Probe::Service, &["down"]);
    record.deviation.bases = bases.iter().map(|b| (*b).to_owned()).collect();
    record.deviation.supervisor = range.map(|r| r.parse().unwrap());
    scenario.known = vec![record.clone()];
    let subject = Subject {
        base: base.map(Into::into),
        supervisor: supervisor.map(Into::into),
        ..Subject::of_release(Some(release.parse().unwrap()))
    };
    let found = expectation(&scenario, &subject, None);
    assert_eq!(found == Expectation::Known(vec![record]), wanted, "{found:?}");
}

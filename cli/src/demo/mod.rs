//! `skiff demo`: the main job in one process, step by step.
//!
//! A hub and agents as they are shipped, over clusters in memory or real ones, driven through the user API as a person
//! would drive them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`repository`] | the git repository, made of the example in `examples/shops` |
//! | [`cluster`] | one cluster, and what is looked at in it |
//! | [`operator`] | what a person does at the hub |
//! | [`world`] | hub, agents, clusters and repository together |
//! | [`steps`] | what is shown |
//! | [`wait`], [`report`] | waiting with a deadline; how it is shown |

mod cluster;
mod operator;
mod report;
mod repository;
mod steps;
mod wait;
mod world;

use crate::args::DemoArgs;
use crate::error::CliError;
use crate::output::Output;
use report::{ClusterTable, Failure, Outcome, Report};
use std::time::{Duration, Instant};
use steps::STEPS;
use tokio::task::JoinHandle;
use world::{Plan, World};

/// How often the table of the clusters is drawn anew.
const REDRAW: Duration = Duration::from_millis(250);

/// Runs the demo.
///
/// # Errors
/// Where a step does not hold.
pub fn run(args: DemoArgs, output: &mut Output) -> Result<(), CliError> {
    let clusters = args.clusters.max(args.kubeconfig.len());
    if clusters < 2 {
        return Err(CliError::Usage(
            "--clusters: the demo needs two clusters at least, one for each environment".into(),
        ));
    }
    let plan = Plan { clusters, kubeconfigs: args.kubeconfig, keep: args.keep };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(demo(plan, args.headless, output))
}

async fn demo(plan: Plan, headless: bool, output: &mut Output) -> Result<(), CliError> {
    let titles: Vec<_> = STEPS.iter().map(|step| (step.name, step.title)).collect();
    let mut report = Report::new(output, headless, &titles, plan.clusters);
    let keep = plan.keep;
    let mut world = World::create(plan).await.map_err(failed)?;
    report.say(&world.how_to_look());
    let table = report.clusters().map(|table| draw(table, &world));
    let result = tokio::select! {
        result = play(&mut world, &mut report) => result,
        () = interrupted() => Err(CliError::Failed("interrupted".into())),
    };
    if keep {
        report.say("The demo goes on until Ctrl-C; commit to the repository, and watch.");
        interrupted().await;
    }
    if let Some(table) = table {
        table.abort();
    }
    report.finish();
    world.stop().await;
    report.say(&world.what_stays());
    result
}

/// All steps; those after one that did not hold are not tried.
async fn play(world: &mut World, report: &mut Report<'_>) -> Result<(), CliError> {
    let mut broken: Option<String> = None;
    for step in STEPS {
        let begun = Instant::now();
        let result = match &broken {
            Some(earlier) => Err(Failure::new(format!("not tried, because {earlier} did not hold"))),
            None => {
                world.progress = report.begin(step.name);
                match (step.run)(world).await {
                    Ok(note) => Ok(note),
                    Err(failure) => Err(world.with_ended_agents(failure).await),
                }
            }
        };
        let outcome = Outcome::new(step.name, begun.elapsed(), result);
        report.end(&outcome)?;
        if !outcome.holds() && broken.is_none() {
            broken = Some(step.name.to_owned());
        }
    }
    broken.map_or(Ok(()), |step| Err(CliError::Failed(format!("step {step} did not hold"))))
}

/// Keeps the table of the clusters up to date; what it shows comes from the hub, as `skiff get clusters` has it.
fn draw(table: ClusterTable, world: &World) -> JoinHandle<()> {
    let operator = world.operator.clone();
    tokio::spawn(async move {
        loop {
            // While the hub is away, what it said last stays.
            if let Ok(clusters) = operator.clusters().await {
                table.show(&clusters.into_iter().map(row).collect::<Vec<_>>());
            }
            tokio::time::sleep(REDRAW).await;
        }
    })
}

fn row(cluster: fleet_api::v1alpha1::Cluster) -> [String; 5] {
    let environment = cluster.metadata.labels.and_then(|labels| labels.get("env").cloned());
    let display = cluster.status.unwrap_or_default().display;
    let state = if display.state.is_empty() { "Ready".to_owned() } else { display.state };
    let name = cluster.metadata.name.unwrap_or_default();
    [name, environment.unwrap_or_default(), display.ready_bundles, state, display.message]
}

async fn interrupted() {
    // Where signals cannot be heard, nobody interrupts.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn failed(failure: Failure) -> CliError {
    CliError::Failed(failure.to_string())
}

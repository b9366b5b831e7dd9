"""From raw purchases to published recommendations: `.venv/bin/python flows/recommendation_flow.py run --help`.

This file holds the order of things and nothing else: a step reads what it needs, calls `recommender` and stores what
the next step needs. It alone imports Metaflow.
"""

from recommender import project_paths

project_paths.set_environment_defaults()  # before Metaflow is imported, which reads the environment once
project_paths.keep_private()

import os
import sys
from dataclasses import asdict, replace

from metaflow import (
    Config,
    Flow,
    FlowMutator,
    FlowSpec,
    Parameter,
    Run,
    UserStepDecorator,
    card,
    config_expr,
    current,
    project,
    resources,
    retry,
    step,
    timeout,
)
from metaflow.cards import Markdown, Table, VegaChart
from metaflow.exception import MetaflowException, MetaflowNotFound
from metaflow.metaflow_config import DATASTORE_SYSROOT_S3, DEFAULT_DATASTORE

from recommender import cluster, config, dataset_lock, task_shares
from recommender.errors import NOTHING_PUBLISHED, NOTHING_STARTED, RecommenderError, RunRefused
from recommender.nights.clearing import cleared
from recommender.report.step_cost import StepClock
from recommender.state_files import StoreFailed, default_state_url, here, keep, own

SOURCE_VARIABLES = {"online-retail": "ONLINE_RETAIL_FILE", "kaggle-hm": "RAW_DIR"}


class RunStopped(MetaflowException):
    """The run ends for a reason its owner can act on: one message instead of a traceback."""

    headline = NOTHING_PUBLISHED


class SettingsRefused(MetaflowException):
    """The settings file cannot be used: what is wrong in it instead of a traceback."""

    headline = NOTHING_STARTED


class measured(UserStepDecorator):  # noqa: N801, decorators are lower case
    """Note what a step costs, and turn an error that its owner can act on into one clear message."""

    def pre_step(self, step_name, flow, inputs=None):
        """Start the clock; a test deployment stops before it publishes, one without a state of its own at once."""
        reason = cluster.why_not_to_begin(current.branch_name)
        if step_name == "publish":
            reason = reason or cluster.why_not_to_publish(current.branch_name)
        if reason:
            raise RunStopped(reason)
        self.clock = StepClock()

    def post_step(self, step_name, flow, exception=None):
        """Add what the step cost to `step_costs`."""
        if exception is not None:
            _leave_refusal(flow.dataset, exception)
            return _for_the_owner(exception)
        name = step_name if flow.index is None else f"{step_name} {getattr(flow.input, 'label', flow.input)}"
        flow.step_costs = {**getattr(flow, "step_costs", {}), name: self.clock.cost()}
        return None


class on_cluster(FlowMutator):  # noqa: N801, decorators are lower case
    """Give every step what [cluster] says where `make deploy` writes a deployment and where it runs; nowhere else."""

    def pre_mutate(self, mutable_flow):
        """Add the schedule, and to each step what it asks for in the place of what it asks for elsewhere."""
        if not (target := os.environ.get(cluster.TARGET)):
            return
        toml = dict(mutable_flow.configs)["settings"].to_dict()
        if schedule := cluster.schedule_of(toml, target):
            mutable_flow.add_decorator("schedule", deco_kwargs={"cron": schedule})
        for name, each in mutable_flow.steps:
            for decorator, settings in cluster.decorators_of(name, toml, target).items():
                each.add_decorator(decorator, deco_kwargs=settings, duplicates=each.OVERRIDE)


def trains_a_model(step_function):
    """Ask for the settings' resources, and allow one retry and half a day."""
    wanted = {name: config_expr(f"settings.resources.{name}") for name in ("cpu", "gpu", "memory")}
    for decorate in (resources(**wanted), retry(times=1, minutes_between_retries=0), timeout(hours=12)):
        step_function = decorate(step_function)
    return step_function


def read_settings(text: str) -> dict:
    """Read the text of a settings file and check everything in it; Metaflow asks before it starts anything."""
    from recommender.evaluation.checked_settings import check_settings

    try:
        toml = config.read_toml(text)
        check_settings(toml)
    except config.SettingsError as error:
        raise SettingsRefused(str(error)) from error
    return toml


def _leave_refusal(dataset: str, error: Exception) -> None:
    """Leave a refusal for the nightly command; a run that is refused this early has no report."""
    from recommender.release.early_refusal import leave_refusal

    if isinstance(error, RunRefused):
        leave_refusal(dataset, current.run_id, error)


def _for_the_owner(error: Exception) -> Exception:
    """Return one message in the place of an error that the run's owner can act on, any other error as it is."""
    from data.raw_errors import RawDataError

    if isinstance(error, RecommenderError | RawDataError):
        return RunStopped(str(error))
    if current.origin_run_id and isinstance(error, ImportError | AttributeError):  # what it left names other classes
        return RunStopped(f"run {current.origin_run_id} was begun by another release ({error}); begin a new one")
    return error


@on_cluster()
@project(name=cluster.PROJECT)
class RecommendationFlow(FlowSpec):
    """Raw purchases in, published recommendations out.

    1. start: bring the raw files, check them, hold them against earlier nights', lay out the weeks.
    2. build_marts: dbt builds and tests the feature tables; the newest weeks are held against the weeks before.
    3. fit_features: fit NVTabular on what lies before the validation week, encode it and the training weeks.
    4. train: every two-tower of the grid with every seed, in as many tasks as run at a time.
    5. choose: the best in the validation week goes on, or a cheaper one as good.
    6. split_weeks, fit_week: fit it before the ranking weeks, the test week and tonight, in parallel; the champion,
       whose lists are served, as well if its settings were others.
    7. rank: the ranker learns from the ranking weeks.
    8. evaluate: score the test week beside the champion and the baselines; one that does better makes the lists.
    9. test_behavior: run the behavioral suite; its verdict stands on the card.
    10. refit: a bad verdict ends the run here; a good one refits the ranker on the newest weeks.
    11. publish: lists for every customer, the second gate on them, then the new version goes up.
    12. end: a summary to read.
    """

    toml = Config(
        "settings",
        default=str(config.DEFAULT_FILE),
        parser=read_settings,
        help="TOML file with every setting, each with its reason",
    )
    dataset = Parameter(
        "dataset",
        default=os.environ.get("DATASET") or "demo",
        help="demo, demo-medium or demo-full (generated, the last of H&M's size), online-retail (UCI Online Retail II) "
        "or kaggle-hm (H&M's own files)",
    )
    source = Parameter(
        "source",
        default="",
        help="kaggle-hm: folder or s3:// prefix of the three CSV files (default: $RAW_DIR, else Kaggle's own client); "
        "online-retail: UCI's file (default: $ONLINE_RETAIL_FILE, else it is downloaded)",
    )
    cutoff = Parameter(
        "cutoff",
        default="",
        help="YYYY-MM-DD, the first day that nothing may see (default: the day after the last purchase)",
    )

    force_reason = Parameter(
        "force-reason",
        default="",
        help="publish although the champion did better or knows later days, or the files look wrong, and why; every "
        "other test must still pass",
    )

    @measured
    @step
    def start(self):
        """Bring the raw files, check them, hold them against those of earlier nights, lay out the weeks."""
        from recommender.evaluation.checked_settings import check_settings
        from recommender.nights.arrivals import check_arrivals
        from recommender.nights.tonight import missed_before
        from recommender.release.champion import champion, check_not_older
        from recommender.release.published_versions import renew
        from recommender.release.run_folders import make_room
        from recommender.weeks.run_plan import plan_run

        toml = self.toml.to_dict()
        check_settings(toml)  # a resumed run has those of its origin, never read again
        self.run_id = current.run_id  # a resumed run goes on as the one that it resumes
        self.run_dir = project_paths.run_dir(self.dataset, self.run_id)
        make_room(self.run_dir, toml["runs"]["kept"])
        renew(self.dataset)
        cutoff = config.read_day("--cutoff", self.cutoff) if self.cutoff else None
        source = self.source or os.environ.get(SOURCE_VARIABLES.get(self.dataset, ""), "")
        self.plan, self.settings = plan_run(self.dataset, source, cutoff, toml, project_paths.data_dir() / "raw")
        self.windows = self.plan.windows
        served, forced = champion(self.dataset), " ".join(self.force_reason.split())
        arrivals = self.settings.arrivals
        odd = check_arrivals(self.plan.raw, self.dataset, self.run_id, served, arrivals, forced)
        self.alarms = [*missed_before(self.dataset, toml), *odd]
        check_not_older(self.windows.cutoff, served, forced)
        keep(self.plan.raw_dir)
        self.next(self.build_marts)

    @measured
    @step
    def build_marts(self):
        """Build and test the feature tables with dbt, export them as Parquet; hold the newest weeks against usual."""
        from recommender.evaluation.behavioral_check import run_tests
        from recommender.evaluation.deny_list import DenyList
        from recommender.evaluation.usual_weeks import UsualWeeks
        from recommender.features.warehouse import build_marts

        features = self.settings.features
        self.marts = build_marts(
            here(self.plan.raw_dir),
            project_paths.warehouse_path(self.dataset),
            own(self.run_dir / "marts"),
            cutoff=self.windows.cutoff,
            training_weeks=len(self.windows.training_as_of_days),
            history_length=features.history_length,
            segment_columns=features.segment_columns,
            ranking_weeks=self.windows.ranking_weeks,
        ).marts
        keep(self.marts.folder)
        usual = UsualWeeks.of(self.marts.shop_weeks(), self.windows)
        self.week_tests = [
            *run_tests(usual, self.settings.usual_weeks),
            *DenyList.of(self.settings.stages.filters, self.marts).results(),
        ]
        self.windows = self.windows.without_closed(usual.without_sales())
        for day in self.windows.closed_as_of_days:
            print(f"the week from {day} is skipped: nobody bought anything in it")
        self.next(self.fit_features)

    @measured
    @step
    def fit_features(self):
        """Fit NVTabular on what lies before the validation week, encode it and the training weeks."""
        from recommender.features.encoding import INPUTS, encode_marts
        from recommender.task_shares import shares_of

        folder, validation_day = own(self.run_dir / "evaluated"), self.windows.validation_as_of_day
        days = [*self.windows.training_as_of_days, validation_day]
        encode_marts(self.marts, validation_day, self.settings.features.on_sale_days, folder, days)
        self.inputs_folder = keep(folder) / INPUTS
        self.candidate_shares = shares_of(self.settings.candidates, self.plan.purchases)
        self.next(self.train, foreach="candidate_shares")

    @trains_a_model
    @measured
    @step
    def train(self):
        """Train some of the candidates on the training weeks; the validation week says when to stop."""
        from recommender.features.model_inputs import ModelInputs
        from recommender.models.grid import train_candidate
        from recommender.tracking import comet

        inputs, self.trained = ModelInputs.load(self.inputs_folder), []
        for candidate in self.input.pieces:
            trained = train_candidate(
                candidate,
                inputs,
                training_days=self.windows.training_as_of_days,
                validation_day=self.windows.validation_as_of_day,
                folder=self.run_dir / "models" / candidate.label,
                report=lambda epoch, label=candidate.label: print(f"{label}  {epoch}", flush=True),
                k=self.settings.lists.k,
            )
            comet.log_candidate(trained, self.dataset, self.run_id, self.windows.report())
            self.trained.append(trained)
        self.next(self.choose)

    @measured
    @step
    def choose(self, inputs):
        """Keep the best candidate of the validation week, or a cheaper one as good, with its own files."""
        from recommender.models.choice import choose, describe_choice

        trained = {each.candidate.label: each for task in inputs for each in task.trained}
        self.all_trained = [trained[candidate.label] for candidate in inputs[0].settings.candidates]
        self.step_costs = {name: cost for each in inputs for name, cost in each.step_costs.items()}
        self.merge_artifacts(inputs, exclude=["trained"])
        choice = choose(self.all_trained)
        self.chosen, self.choice = choice.kept, choice.as_dict()
        print(describe_choice(choice))
        self.next(self.split_weeks)

    @step
    def split_weeks(self):
        """Name what is fitted before which day: the chosen two-tower, and the champion's where it is another."""
        from recommender.release.champion import champion
        from recommender.release.run_folders import WEEKLY_MODELS
        from recommender.task_shares import shares_of
        from recommender.weeks.configuration import Configuration, find_opponent
        from recommender.weeks.weekly_jobs import weekly_jobs

        served = champion(self.dataset)
        self.configuration = Configuration(self.chosen.candidate, self.chosen.best_epoch, self.settings.stages)
        self.opponent = find_opponent(self.configuration, served and served.configuration)
        print(f"champion: {self.opponent.reason or f'run {served.run_id} ({served.version}) is fitted, too'}")
        folders = self.run_dir / WEEKLY_MODELS, self.run_dir / "published"
        jobs = weekly_jobs(self.configuration, self.opponent.configuration, self.windows, *folders)
        self.job_shares = shares_of(jobs, self.plan.purchases)
        self.next(self.fit_week, foreach="job_shares")

    @trains_a_model
    @measured
    @step
    def fit_week(self):
        """Fit two-towers, each on what lies before one day, and collect the candidates of the weeks they score."""
        from recommender.weeks.tonights_models import FittedWeek
        from recommender.weeks.weekly_jobs import fit_week

        on_sale_days, ranking = self.settings.features.on_sale_days, self.settings.ranking
        self.fitted = []
        for job in self.input.pieces:
            own(job.folder)
            self.fitted.append(FittedWeek(job, fit_week(job, self.marts, self.windows, on_sale_days, ranking)))
            keep(job.folder)
        self.next(self.rank)

    @measured
    @step
    def rank(self, inputs):
        """Let the ranker learn from the ranking weeks, and the champion's from those of its own two-towers."""
        from recommender.weeks.tonights_models import fit_rankers

        self.step_costs = {name: cost for each in inputs for name, cost in each.step_costs.items()}
        self.merge_artifacts(inputs, exclude=["fitted"])
        fitted = [week for each in inputs for week in each.fitted]
        self.models = fit_rankers(fitted, self.windows, self.settings, self.opponent.configuration, self.run_dir)
        for each in filter(None, (self.models.evaluated, self.models.champion)):
            keep(each.ranker_folder)
        self.next(self.evaluate)

    @measured
    @step
    def evaluate(self):
        """Score the test week: four stages, champion and baselines for all who bought; find out who makes the lists."""
        from recommender.evaluation.evaluated_week import evaluate_week
        from recommender.report.run_report import LISTS_FILE, write_test_week_lists

        self.week, lists = evaluate_week(
            self.models,
            self.opponent,
            self.settings,
            self.plan.oracle_file,
            forced_reason=" ".join(self.force_reason.split()),
        )
        self.lists_file = self.run_dir / LISTS_FILE
        write_test_week_lists(self.lists_file, lists.of_models(), lists.customer_ids, lists.article_ids)
        keep(self.lists_file)
        print(self.week.contest.in_words())
        self.next(self.test_behavior)

    @card(type="blank")
    @measured
    @step
    def test_behavior(self):
        """Run the behavioral suite on the test week's lists; whether anything may be published follows from it."""
        from recommender.evaluation.behavioral_check import run_tests
        from recommender.release.nights_before import changes_since

        results = run_tests(self.week.suite, self.settings.behavioral_tests)
        changes = changes_since(self.dataset, self.week, results, self.settings.behavior_changes)
        self.behavioral_tests = [*results, *run_tests(changes, {})]
        self.verdict = self.week.verdict([*self.week_tests, *self.behavioral_tests])
        self._show_card()
        print(self.verdict)
        self.next(self.refit)

    @measured
    @step
    def refit(self):
        """Stop after a bad verdict; after a good one refit the ranker on as many weeks, the test week among them."""
        from recommender.weeks.stage_files import save_stages

        self._stop_when_refused()
        folder, contest = self.run_dir / "published", self.week.contest
        self.refitted = self.models.refit(folder / "ranker", is_ranker_needed=not contest.is_won_by_baseline)
        if not contest.is_won_by_baseline:
            keep(self.refitted.ranker_folder)
        keep(save_stages(self.settings.stages, folder))
        self.next(self.publish)

    @measured
    @step
    def publish(self):
        """Make everybody's list, hold the lists against the second gate, publish them."""
        from recommender.nights.tonight import next_due
        from recommender.release.champion import check_own
        from recommender.release.publication import publish_tonight
        from recommender.release.publish import PublishedRun

        if cluster.is_test(current.branch_name):
            check_own(self.dataset)
        maker = self.week.contest.maker(self.chosen.candidate.label)
        due_at = next_due(self.dataset, self.toml.to_dict())
        self.publication = publish_tonight(
            PublishedRun(self.dataset, self.run_id, maker, self.windows.report(), due_at=due_at),
            self.windows.publishing_as_of_day,
            self.chosen.candidate,
            self.settings,
            self.week,
            [*self.week_tests, *self.behavioral_tests],
            self.refitted,
            self.models.evaluated,
        )
        self.verdict = self.publication.verdict
        self._stop_when_refused()
        self.next(self.end)

    @measured
    @step
    def end(self):
        """Leave the report; of the run's files keep what serves and what explains it."""
        from recommender.release.run_folders import remove_weekly_models

        self._leave_report()
        remove_weekly_models(self.run_dir)

    def _stop_when_refused(self):
        """End the run after a bad verdict: its report is left, nothing is published."""
        from recommender.release.run_folders import remove_weekly_models

        if not self.verdict.is_passed:
            self._leave_report()
            remove_weekly_models(self.run_dir)
            raise RunStopped(str(self.verdict))

    def _report(self):
        """Return what is known of the run by now, as report.json holds it."""
        from recommender.report import run_report
        from recommender.report.night_cost import estimate

        publication = getattr(self, "publication", None)
        return run_report.build_report(
            run_id=self.run_id,
            dataset=self.dataset,
            windows=self.windows.report(),
            n_candidates=self.week.n_candidates,
            metrics=self.week.metrics,
            behavioral_tests=self.behavioral_tests,
            alarms=[each.as_dict() for each in self.alarms],
            week_tests=[each.as_dict() for each in self.week_tests],
            publication_tests=publication.tests if publication else [],
            verdict=self.verdict,
            published=asdict(publication.version) if publication and publication.version else None,
            steps=self.step_costs,
            cost=estimate(self.step_costs, self.toml.to_dict()),
            chosen=self.chosen.candidate.label,
            candidates=[each.as_dict() for each in self.all_trained],
            choice=self.choice,
            ranker=self.models.ranker_choice.as_dict(),
            quality=self.week.quality,
            contest=self.week.contest.as_dict(),
            challenge=self.week.challenge.as_dict(),
        )

    def _leave_report(self):
        """Leave report and decision for programs, the summary for people, and room for the nights to come."""
        from recommender.release import registry
        from recommender.release.run_folders import make_room
        from recommender.report import report_page, run_report
        from recommender.tracking import comet

        report = self._report()
        configuration = replace(self.configuration, recommender=self.week.contest.winner)
        decision = registry.decision_of(report, configuration.as_dict())
        registry.append(decision, project_paths.registry_file(self.dataset))
        folder = project_paths.reports_dir(self.dataset)
        run_report.keep_test_week_lists(here(self.lists_file), folder)
        run_report.write_report(report, folder / "report.json")
        drawn = report_page.try_to_write_page(report, folder, self.marts)
        for each in filter(None, (folder / run_report.LISTS_FILE, folder / "report.json", drawn.page)):
            keep(each)
        comet.log_run(report, drawn.charts, drawn.predictions)
        print(run_report.summarize(report, drawn.page))
        make_room(self.run_dir, self.settings.kept_runs)

    def _show_card(self):
        """Put the decision on the step's card and all that is known by now; card.html at the end holds the rest."""
        from recommender.report import card_tables, report_page

        report = self._report()
        current.card.append(Markdown(f"# {card_tables.decision(report)}"))
        for title, lines in card_tables.to_look_at(report):
            current.card.append(Table([[each] for each in lines], [title]))
        for part in report_page.try_to_tell(report, here(self.lists_file), self.marts):
            current.card.append(Markdown(f"{'#' * part.level} {part.title}\n\n{part.text}"))
            for spec in part.charts.values():
                current.card.append(VegaChart(spec))
            for named in part.tables:
                current.card.append(Markdown(f"**{named.caption}**"))
                current.card.append(Table(*named.table))


def _main(arguments):
    """Carry out a command of Metaflow's; one that runs the flow only as the one run of its dataset."""
    sys.argv[1:] = arguments = _with_origin(arguments)
    os.environ.update(task_shares.workers_of(arguments))
    os.environ.update(_state_url(arguments))
    dataset = dataset_lock.dataset_to_run(arguments, _dataset_of_run)
    if dataset is None:
        RecommendationFlow()
        return
    is_new = dataset_lock.command_of(arguments) == "run"
    try:
        with dataset_lock.dataset_lock(dataset), cleared(RecommendationFlow.__name__, is_new=is_new):
            RecommendationFlow()
    except dataset_lock.AlreadyRunning as error:
        print(error, file=sys.stderr)
        sys.exit(dataset_lock.EXIT_CODE)


def _state_url(arguments):
    """Return where files of a flow in S3 go that was told nothing else, as a variable of the environment."""
    datastore = task_shares.option_of(arguments, "--datastore") or DEFAULT_DATASTORE
    try:
        return default_state_url(datastore, DATASTORE_SYSROOT_S3)
    except StoreFailed as error:
        sys.exit(str(error))


def _with_origin(arguments):
    """Name the run to resume: the newest. By itself Metaflow takes the newest that began, not one that resumed it."""
    names_one = any(each.partition("=")[0] == "--origin-run-id" for each in arguments)
    if dataset_lock.command_of(arguments) != "resume" or names_one:
        return arguments
    try:
        newest = Flow(RecommendationFlow.__name__).latest_run
    except MetaflowNotFound:
        newest = None
    if newest is None:
        sys.exit("there is no run to resume; `make run` begins one")
    if newest.successful:
        sys.exit(f"run {newest.id}, the newest, has come to its end; there is nothing to resume")
    return [*arguments, "--origin-run-id", newest.id]


def _dataset_of_run(run_id):
    """Return the dataset of a run, by default the newest; None for an unknown one, which Metaflow tells of itself."""
    try:
        run = Run(f"{RecommendationFlow.__name__}/{run_id}") if run_id else Flow(RecommendationFlow.__name__).latest_run
        return run["start"].task["dataset"].data
    except (MetaflowNotFound, KeyError, AttributeError):
        return None


if __name__ == "__main__":
    _main(sys.argv[1:])

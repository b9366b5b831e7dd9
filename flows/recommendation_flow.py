"""From raw purchases to published recommendations: `python recommendation_flow.py run --help`.

This file holds the order of things and nothing else: a step reads what it needs, calls one module of `recommender`
and stores what the next step needs. It alone imports Metaflow.
"""

from recommender import project_paths

project_paths.set_environment_defaults()  # before Metaflow is imported, which reads the environment once

import os
import resource
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from metaflow import (
    Config,
    FlowSpec,
    Parameter,
    UserStepDecorator,
    card,
    config_expr,
    current,
    resources,
    retry,
    schedule,
    step,
    timeout,
)
from metaflow.cards import Markdown, Table, VegaChart
from metaflow.exception import MetaflowException

from recommender import config

KIB_PER_MIB = 1024  # ru_maxrss counts KiB
ONE_DAY = timedelta(days=1)
SOURCE_VARIABLES = {"online-retail": "ONLINE_RETAIL_FILE", "kaggle-hm": "RAW_DIR"}


class RunStopped(MetaflowException):
    """The run ends for a reason its owner can act on: one message instead of a traceback."""

    headline = "Nothing was published; what was published before stays up"


class measured(UserStepDecorator):  # noqa: N801, decorators are lower case
    """Note what a step costs, and turn an error that its owner can act on into one clear message."""

    def pre_step(self, step_name, flow, inputs=None):
        """Start the clock."""
        self.started = time.perf_counter()

    def post_step(self, step_name, flow, exception=None):
        """Add wall seconds and peak memory to `step_costs`."""
        if exception is not None:
            return RunStopped(str(exception)) if isinstance(exception, _expected_errors()) else exception
        name = step_name if flow.index is None else f"{step_name} {getattr(flow.input, 'label', flow.input)}"
        peak_kib = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        cost = {"seconds": round(time.perf_counter() - self.started, 1), "peak_mib": peak_kib // KIB_PER_MIB}
        flow.step_costs = {**getattr(flow, "step_costs", {}), name: cost}
        return None


def trains_a_model(step_function):
    """Ask for the settings' resources, and allow one retry and half a day."""
    wanted = {name: config_expr(f"settings.resources.{name}") for name in ("cpu", "gpu", "memory")}
    for decorate in (resources(**wanted), retry(times=1, minutes_between_retries=0), timeout(hours=12)):
        step_function = decorate(step_function)
    return step_function


def _expected_errors() -> tuple[type[Exception], ...]:
    from data.raw_schema import RawDataError
    from recommender.features.time_split import TimeSplitError
    from recommender.features.warehouse import WarehouseError
    from recommender.release.publish_errors import PublishError
    from serving.connection.redis_connection import RedisUnreachable

    return (
        RawDataError,
        TimeSplitError,
        WarehouseError,
        PublishError,
        RedisUnreachable,
        config.SettingsError,
        FloatingPointError,
    )


@schedule(daily=True)
class RecommendationFlow(FlowSpec):
    """Raw purchases in, published recommendations out.

    1. start: bring the raw files, check them, lay out the weeks.
    2. build_marts: dbt builds and tests the feature tables.
    3. fit_features: fit NVTabular on what lies before the validation week, encode every week with it.
    4. train: every two-tower of the grid with every seed, in parallel.
    5. choose: the best in the validation week goes on, or a cheaper one as good.
    6. split_weeks, fit_week: fit it before the ranking weeks, the test week and tonight, in parallel; the champion,
       which is what is served, beside it if its settings were others.
    7. rank: the ranker learns from the ranking weeks.
    8. evaluate: score the test week beside the champion and the baselines; one that does better makes the lists.
    9. test_behavior: run the behavioural suite; its verdict stands on the card.
    10. refit: a bad verdict ends the run here; a good one refits the ranker on the newest weeks.
    11. publish: lists for every customer, the second gate on them, then the new version goes up.
    12. end: a summary to read.
    """

    toml = Config(
        "settings",
        default=str(config.DEFAULT_FILE),
        parser=config.read_toml,
        help="TOML file with every setting, each with its reason",
    )
    dataset = Parameter(
        "dataset",
        default=os.environ.get("DATASET") or "demo",
        help="demo (generated), online-retail (UCI Online Retail II) or kaggle-hm (your own H&M files)",
    )
    source = Parameter(
        "source",
        default="",
        help="kaggle-hm: folder or s3:// prefix of the three CSV files (default: $RAW_DIR); "
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
        help="publish although the champion did better, and why; every other test must still pass",
    )

    @measured
    @step
    def start(self):
        """Bring the raw files, check them, lay out the weeks."""
        from data.prepare import Request, prepare
        from recommender.evaluation.behavior.suite import BehavioralSuite
        from recommender.evaluation.behavioral_check import check_thresholds
        from recommender.evaluation.publication_gate import PublicationGate
        from recommender.features.time_split import split_by_time
        from recommender.stages.stage_names import check_stage_names

        self.settings = config.Settings.of(self.toml.to_dict(), self.dataset)
        check_stage_names(self.settings.stages)
        check_thresholds(BehavioralSuite, self.settings.behavioral_tests)
        check_thresholds(PublicationGate, self.settings.publication_gate)
        cutoff = config.read_day("--cutoff", self.cutoff) if self.cutoff else None
        source = self.source or os.environ.get(SOURCE_VARIABLES.get(self.dataset, ""), "")
        raw = prepare(Request(self.dataset, source, cutoff=cutoff), project_paths.data_dir() / "raw")
        print(raw)
        self.raw_dir = raw.raw_dir
        ranking, training_weeks = self.settings.ranking, self.settings.features.training_weeks
        self.windows = split_by_time(
            raw.first_day, raw.last_day, training_weeks, cutoff, ranking.weeks, ranking.weeks_per_model
        )
        self.has_oracle = self.windows.cutoff == raw.last_day + ONE_DAY  # it knows the last week of the data only
        self.run_dir = project_paths.run_dir(self.dataset, current.run_id)
        self.next(self.build_marts)

    @measured
    @step
    def build_marts(self):
        """Build and test the feature tables with dbt, export them as Parquet."""
        from recommender.features.warehouse import build_marts

        features = self.settings.features
        self.marts_dir = self.run_dir / "marts"
        self.mart_rows = build_marts(
            self.raw_dir,
            project_paths.warehouse_path(self.dataset),
            self.marts_dir,
            cutoff=self.windows.cutoff,
            training_weeks=len(self.windows.training_as_of_days),
            history_length=features.history_length,
            segment_columns=features.segment_columns,
            ranking_weeks=self.windows.ranking_weeks,
        ).rows
        self.next(self.fit_features)

    @measured
    @step
    def fit_features(self):
        """Fit NVTabular on what lies before the validation week, encode every week with it."""
        from recommender.features.model_inputs import encode_marts

        folder, days = self.run_dir / "evaluated", self.settings.features.on_sale_days
        inputs = encode_marts(self.marts_dir, self.windows.validation_as_of_day, days, folder)
        self.inputs_file = folder / "model_inputs.pt"
        inputs.save(self.inputs_file)
        self.candidates = self.settings.candidates
        self.next(self.train, foreach="candidates")

    @card(type="blank")
    @trains_a_model
    @measured
    @step
    def train(self):
        """Train one candidate on the training weeks; the validation week says when to stop."""
        from recommender.features.model_inputs import ModelInputs
        from recommender.models.grid import train_candidate
        from recommender.report import card_charts, card_tables
        from recommender.tracking import comet

        candidate = self.input
        self.trained = train_candidate(
            candidate,
            ModelInputs.load(self.inputs_file),
            training_days=self.windows.training_as_of_days,
            validation_day=self.windows.validation_as_of_day,
            folder=self.run_dir / "models" / candidate.label,
            report=lambda epoch: print(f"{candidate.label}  {epoch}", flush=True),
        )
        current.card.append(VegaChart(card_charts.learning_curves([self.trained.as_dict()])))
        current.card.append(Table(*card_tables.candidate_table([self.trained.as_dict()])))
        comet.log_candidate(self.trained, self.dataset, current.run_id, self.windows.report())
        self.next(self.choose)

    @measured
    @step
    def choose(self, inputs):
        """Keep the best candidate of the validation week, or a cheaper one as good, with its own files."""
        from recommender.models.choice import choose, describe_choice

        self.all_trained = [each.trained for each in inputs]
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
        from recommender.weeks.configuration import Configuration, find_opponent
        from recommender.weeks.weekly_jobs import weekly_jobs

        served = champion(self.dataset)
        self.configuration = Configuration(self.chosen.candidate, self.chosen.best_epoch, self.settings.stages)
        self.opponent = find_opponent(self.configuration, served and served.configuration)
        print(f"champion: {self.opponent.reason or f'run {served.run_id} ({served.version}) is fitted, too'}")
        folders = self.run_dir / WEEKLY_MODELS, self.run_dir / "published"
        self.weekly_jobs = weekly_jobs(self.configuration, self.opponent.configuration, self.windows, *folders)
        self.next(self.fit_week, foreach="weekly_jobs")

    @trains_a_model
    @measured
    @step
    def fit_week(self):
        """Fit one two-tower on what lies before one day, and collect the candidates of the weeks it scores."""
        from recommender.weeks.weekly_jobs import fit_week

        self.job, settings = self.input, self.settings
        self.weekly = fit_week(self.job, self.marts_dir, self.windows, settings.features.on_sale_days, settings.ranking)
        self.next(self.rank)

    @measured
    @step
    def rank(self, inputs):
        """Let the ranker learn from the ranking weeks, and the champion's from those of its own two-towers."""
        from recommender.stages.rank import fit_on_weeks
        from recommender.weeks.weekly_models import FittedModels, weeks_of

        self.step_costs = {name: cost for each in inputs for name, cost in each.step_costs.items()}
        self.merge_artifacts(inputs, exclude=["weekly", "job"])
        fitted = sorted(inputs, key=lambda each: each.job.as_of_day)
        *self.ranking_models, self.test_week, self.tonight = [
            each.weekly for each in fitted if not each.job.is_champion
        ]
        settings = self.settings
        self.ranker_choice = fit_on_weeks(weeks_of(self.ranking_models), settings.stages.rankers, settings.ranking.seed)
        self.evaluated_models = FittedModels(self.test_week, self.run_dir / "ranker")
        self.ranker_choice.ranker.save(self.evaluated_models.ranker_folder)
        self.champion_models = None
        if self.opponent.configuration:
            *models, test_week = [each.weekly for each in fitted if each.job.is_champion]
            rankers = self.opponent.configuration.stages.rankers
            champions = fit_on_weeks(weeks_of(models), rankers, settings.ranking.seed)
            self.champion_models = FittedModels(test_week, test_week.folder / "ranker")
            champions.ranker.save(self.champion_models.ranker_folder)
        self.next(self.evaluate)

    @measured
    @step
    def evaluate(self):
        """Score the test week: four stages, champion and baselines for all who bought; find out who makes the lists."""
        from recommender.evaluation.evaluated_week import evaluate_week

        oracle_file = self.raw_dir / "oracle.parquet"
        self.week = evaluate_week(
            self.evaluated_models,
            self.champion_models,
            self.opponent,
            self.marts_dir,
            self.settings,
            oracle_file if self.has_oracle and oracle_file.exists() else None,
            forced_reason=" ".join(self.force_reason.split()),
        )
        print(self.week.contest.in_words())
        self.next(self.test_behavior)

    @card(type="blank")
    @measured
    @step
    def test_behavior(self):
        """Run the behavioural suite on the test week's lists; whether anything may be published follows from it."""
        from recommender.evaluation.behavioral_check import run_tests
        from recommender.evaluation.promotion import decide

        self.behavioral_tests = run_tests(self.week.suite, self.settings.behavioral_tests)
        self.verdict = decide(self.behavioral_tests, self.week.challenge, self.week.contest)
        self._show_card()
        print(self.verdict)
        self.next(self.refit)

    @measured
    @step
    def refit(self):
        """Stop after a bad verdict; after a good one refit the ranker on as many weeks, the test week among them."""
        from recommender.weeks.stage_files import save_stages
        from recommender.weeks.weekly_models import weeks_of

        if not self.verdict.is_passed:
            self._leave_report(published=None)
            raise RunStopped(str(self.verdict))
        self.refitted_ranker_folder = self.run_dir / "published" / "ranker"
        if not self.week.contest.is_won_by_baseline:  # whose lists no ranker orders
            newest = weeks_of([*self.ranking_models, self.test_week])[1:]
            self.ranker_choice.refitted(newest).save(self.refitted_ranker_folder)
        save_stages(self.settings.stages, self.run_dir / "published")
        self.next(self.publish)

    @measured
    @step
    def publish(self):
        """Make everybody's list, hold the lists against the second gate, publish them."""
        from recommender.evaluation.behavioral_check import run_tests
        from recommender.evaluation.promotion import decide
        from recommender.release import tonights_lists
        from recommender.release.kept_lists import keep_lists
        from recommender.release.publish import PublishedRun, publish
        from recommender.release.republish import lists_folder
        from recommender.weeks.weekly_models import FittedModels
        from serving.connection.redis_connection import connect

        request = tonights_lists.ListRequest(
            self.marts_dir,
            self.windows.publishing_as_of_day,
            stages=self.settings.stages,
            k=self.settings.lists.published_k,
            recommender=tonights_lists.Recommender(self.week.contest.winner, self.settings.ranking.seed),
            purchases=self.settings.lists.purchases,
        )
        refitted = FittedModels(self.tonight, self.refitted_ranker_folder)
        tonight = tonights_lists.lists_for_everybody(request, refitted, self.evaluated_models)
        self.publication_tests = run_tests(tonight.gate(self.settings.lists.k), self.settings.publication_gate)
        results = [*self.behavioral_tests, *self.publication_tests]
        self.verdict = decide(results, self.week.challenge, self.week.contest)
        if not self.verdict.is_passed:
            self._leave_report(published=None)
            raise RunStopped(str(self.verdict))
        model = self.week.contest.maker(self.chosen.candidate.label)
        lists, generated_at = tonight.published_lists(), datetime.now(UTC).isoformat(timespec="seconds")
        run = PublishedRun(self.dataset, current.run_id, model, self.windows.report(), generated_at)
        keep_lists(lists, run, lists_folder(self.dataset, current.run_id))
        self.published = publish(connect(), lists, run)
        self.next(self.end)

    @measured
    @step
    def end(self):
        """Leave the report; of the run's files keep what serves and what explains it."""
        from recommender.release.run_folders import remove_weekly_models

        self._leave_report(published=asdict(self.published))
        remove_weekly_models(self.run_dir)

    def _report(self, published):
        """Return what is known of the run by now, as report.json holds it."""
        from recommender.report import run_report

        return run_report.build_report(
            run_id=current.run_id,
            dataset=self.dataset,
            windows=self.windows.report(),
            n_candidates=self.week.n_candidates,
            metrics=self.week.metrics,
            behavioral_tests=self.behavioral_tests,
            publication_tests=getattr(self, "publication_tests", []),
            verdict=self.verdict,
            published=published,
            steps=self.step_costs,
            chosen=self.chosen.candidate.label,
            candidates=[each.as_dict() for each in self.all_trained],
            choice=self.choice,
            ranker=self.ranker_choice.as_dict(),
            quality=self.week.quality,
            contest=self.week.contest.as_dict(),
            challenge=self.week.challenge.as_dict(),
        )

    def _leave_report(self, published):
        """Leave report and decision for programs, the summary for people, and room for the nights to come."""
        from recommender.release import registry
        from recommender.release.run_folders import remove_older_runs
        from recommender.report import report_page, run_report
        from recommender.tracking import comet

        report = self._report(published)
        configuration = replace(self.configuration, recommender=self.week.contest.winner)
        decision = registry.decision_of(report, configuration.as_dict())
        registry.append(decision, project_paths.registry_file(self.dataset))
        folder = project_paths.reports_dir(self.dataset)
        self._write_lists(folder / "test_week_lists.parquet")
        run_report.write_report(report, folder / "report.json")
        drawn = report_page.try_to_write_page(report, folder, self.marts_dir)
        comet.log_run(report, drawn.charts, drawn.predictions)
        print(run_report.summarize(report))
        remove_older_runs(self.run_dir.parent, self.run_dir, self.settings.kept_runs)

    def _write_lists(self, path):
        """Write every recommender's lists for the test week."""
        from recommender.report.run_report import write_test_week_lists

        lists = ((name, lists.positions, lists.scores) for name, lists in self.week.lists.items())
        write_test_week_lists(path, lists, self.week.customer_ids, self.week.article_ids)

    def _show_card(self):
        """Put the decision on the step's card and all that is known by now; card.html at the end holds the rest."""
        from recommender.report import card_tables, report_page

        report, lists = self._report(published=None), self.run_dir / "test_week_lists.parquet"
        self._write_lists(lists)
        current.card.append(Markdown(f"# {card_tables.decision(report)}"))
        for part in report_page.try_to_tell(report, lists, self.marts_dir):
            current.card.append(Markdown(f"{'#' * part.level} {part.title}\n\n{part.text}"))
            for spec in part.charts.values():
                current.card.append(VegaChart(spec))
            for named in part.tables:
                current.card.append(Markdown(f"**{named.caption}**"))
                current.card.append(Table(*named.table))


if __name__ == "__main__":
    RecommendationFlow()

"""What the screens show and their forms do, without scripts."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from pg_scheduler import JobStatus, Queries, RetryPolicy, Scheduler
from pg_scheduler.domain.minutes import Tally
from pg_scheduler.domain.workers import SignOfLife, WorkerProfile
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.testing import ManualClock, MemoryDriver, drain
from pg_scheduler_web import Access
from pg_scheduler_web.screens.queues import LISTED
from tests.adapters.web.browsing import Browser


async def test_empty_states_say_what_to_do(browser: Browser) -> None:
    for path, words in {
        "/jobs": "There are no jobs yet",
        "/queues": "No queue has due or running jobs",
        "/tasks": "No task has due or running jobs",
        "/schedules": "There are no schedules",
        "/workers": "No worker runs",
        "/audit": "Nobody has changed anything by hand",
        "/jobs?status=failed": "No job matches",
    }.items():
        assert words in (await browser.get(path)).text


async def test_pages_of_the_list_follow_each_other_and_meet_every_job_once(
    scheduler: Scheduler, browser: Browser
) -> None:
    ids = {str(await scheduler.enqueue("mail.send", str(number))) for number in range(120)}
    seen: list[str] = []
    link = "/jobs?status=pending"
    while link:
        page = await browser.get(link)
        seen += [given["data-key"] or "" for tag, given in page.tags if tag == "tr" and "data-key" in given]
        older = [given["href"] for tag, given in page.tags if tag == "a" and given.get("rel") == "next"]
        link = older[0] or "" if older else ""
    assert (len(seen), set(seen)) == (120, ids)


async def test_the_search_line_finds_and_says_what_it_does_not_know(
    scheduler: Scheduler, browser: Browser
) -> None:
    await scheduler.using(queue="bulk").enqueue("mail.send", "ada")
    await scheduler.enqueue("other.task")
    page = await browser.get("/jobs", q="queue:bulk task:mail.send since:1h", status="pending")
    assert ("mail.send" in page.text, "other.task" in page.text) == (True, False)
    for line, words in {
        "colour:red": "there is no word 'colour'",
        "mail": "'mail' stands alone",
        "task:": "task: has no value",
        "since:tomorrow": "expected an age",
        "task:a task:b": "stands there twice",
        "status:odd": "unknown status",
    }.items():
        assert words in (await browser.get("/jobs", code=400, q=line)).text


async def test_one_job_is_cancelled_and_runs_again(scheduler: Scheduler, browser: Browser) -> None:
    job = str(await scheduler.enqueue("mail.send", "ada"))
    page = await browser.submit((await browser.get("/job", id=job)).form("/jobs/cancel"))
    assert "1 job cancelled, or asked to stop" in page.text
    assert f"Job {job}" not in page.text or "cancelled" in page.text
    page = await browser.submit(page.form("/jobs/retry"))
    assert "1 job will run again" in page.text
    assert await scheduler.handle(job).status() is JobStatus.PENDING
    acts = await browser.get("/audit")
    assert re.search(r"ada web retry jobs? .* ada web cancel jobs", acts.text)


async def test_many_jobs_are_changed_after_a_question_and_no_more_than_were_seen(
    scheduler: Scheduler, browser: Browser
) -> None:
    for number in range(7):
        await scheduler.enqueue("mail.send", str(number))
    question = await browser.get("/jobs/confirm", act="cancel", q="task:mail.send")
    assert "Cancel: 7 jobs?" in question.text
    await scheduler.enqueue("mail.send", "one more")
    seen_later = question.form("/jobs/cancel").with_fields(as_of="")
    assert "8 jobs or more match" in (await browser.submit(seen_later)).text
    assert (await scheduler.client.counts())[JobStatus.CANCELLED] == 0
    page = await browser.submit(question.form("/jobs/cancel"))
    assert "7 jobs cancelled, or asked to stop" in page.text
    assert (await scheduler.client.counts())[JobStatus.PENDING] == 1, "what was stored later is left alone"
    undo = next(link for link in page.links if "act=retry" in link)
    assert (
        "7 jobs will run again" in (await browser.submit((await browser.get(undo)).form("/jobs/retry"))).text
    )


async def test_waiting_jobs_run_now_or_later_and_ended_ones_are_deleted(
    scheduler: Scheduler, browser: Browser
) -> None:
    job = str(await scheduler.using(delay=3600).enqueue("mail.send", "ada"))
    page = await browser.submit((await browser.get("/job", id=job)).form("/jobs/reschedule"))
    assert "1 job due at the new time" in page.text
    question = await browser.get("/jobs/confirm", act="reschedule", id=job)
    await browser.submit(question.form("/jobs/reschedule").with_fields(at="2h"))
    found = await scheduler.job(job)
    assert found is not None
    assert timedelta(minutes=119) < found.execution_time - scheduler.clock.now() <= timedelta(minutes=120)
    question = await browser.get("/jobs/confirm", act="delete", id=job)
    assert "Nobody brings them back" in question.text
    assert "1 job deleted" in (await browser.submit(question.form("/jobs/delete"))).text
    assert await scheduler.job(job) is None
    assert "delete jobs" in (await browser.get("/audit")).text


async def test_arguments_are_searched_by_those_alone_who_may_see_them(
    scheduler: Scheduler, browser: Browser
) -> None:
    await scheduler.enqueue("mail.send", user={"id": 7})
    await scheduler.enqueue("mail.send", user={"id": 8})
    assert "1 job" in (await browser.get("/jobs", q="arg.user.id:7")).text
    refused = await Browser.of(scheduler, Access.operator("grace")).get("/jobs", code=400, q="arg.user.id:7")
    assert "see_args" in refused.text


async def test_ticked_jobs_that_cannot_be_changed_are_left_out(
    scheduler: Scheduler, browser: Browser
) -> None:
    waiting, ended = (
        str(await scheduler.enqueue("mail.send", "a")),
        str(await scheduler.enqueue("mail.send", "b")),
    )
    await scheduler.cancel_job(ended)
    question = await browser.get("/jobs/confirm", act="cancel", id=[waiting, ended, "nope"])
    assert "Cancel: 1 job?" in question.text
    assert "2 ticked jobs cannot be changed" in question.text


async def test_a_failed_job_shows_its_traceback_and_why(scheduler: Scheduler, browser: Browser) -> None:
    job = str(await scheduler.enqueue("mail.send", "nobody"))
    await drain(scheduler)
    page = await browser.get("/job", id=job)
    assert "ValueError: nobody is there" in page.text
    assert "Traceback (most recent call last)" in page.text
    assert "It failed" in page.text


async def test_queues_and_tasks_are_paused_limited_and_resumed(
    scheduler: Scheduler, browser: Browser
) -> None:
    await scheduler.enqueue("mail.send", "ada")
    for kind, name in (("queue", "default"), ("task", "mail.send")):
        page = await browser.submit((await browser.get(f"/{kind}s")).form(f"/{kind}s/pause", name))
        assert f"The {kind} {name} is paused" in page.text
        job = (await scheduler.jobs(limit=1))[0].job_id
        assert f"The {kind} '{name}' has been paused" in (await browser.get("/job", id=job)).text
        page = await browser.submit(page.form(f"/{kind}s/resume", name))
        assert f"The {kind} {name} is resumed" in page.text
    form = (await browser.get("/queue", name="default")).form("/queues/limit")
    page = await browser.submit(form.with_fields(concurrency="3", rate="0.5"))
    assert "at most 3 at once, at most 0.5 starts per second" in page.text
    page = await browser.submit(page.form("/queues/limit").with_fields(concurrency="many"))
    assert "expected a whole number" in page.text
    assert "has no limits now" in (await browser.submit(form.with_fields(concurrency="", rate=""))).text
    acts = [one.act for one in await scheduler.client.audit()]
    assert acts[0] == "limit queue"
    assert len(acts) == 6


async def test_schedules_are_paused_resumed_run_and_removed(scheduler: Scheduler, browser: Browser) -> None:
    await scheduler.add_schedule("mail.send", every=timedelta(hours=1), key="hourly", args=["x"])
    await scheduler.add_schedule("mail.send", cron="30 2 * * *", timezone="Europe/Berlin", key="nightly")
    page = await browser.get("/schedules")
    assert "every 1:00:00" in page.text
    page = await browser.submit(page.form("/schedules/pause", "hourly"))
    assert "The schedule hourly is paused" in page.text
    page = await browser.submit(page.form("/schedules/resume", "hourly"))
    page = await browser.submit(page.form("/schedules/trigger", "hourly"))
    assert "runs now" in page.text
    assert len(await scheduler.jobs()) == 1
    page = await browser.get("/schedule", key="nightly")
    assert "30 2 * * * in Europe/Berlin" in page.text
    page = await browser.submit(page.form("/schedules/remove", "nightly"))
    assert "is removed" in page.text
    assert "There is no schedule" in (await browser.get("/schedule", code=404, key="nightly")).text


async def test_workers_are_asked(scheduler: Scheduler, browser: Browser) -> None:
    await scheduler.start()
    page = await browser.get("/workers")
    assert scheduler.worker_id in page.text
    page = await browser.submit(page.form("/workers/quiet", scheduler.worker_id))
    assert "claims no more" in page.text
    page = await browser.submit(page.form("/workers/resume", scheduler.worker_id))
    assert "claims again" in page.text
    gone = page.form("/workers/quiet", scheduler.worker_id).with_fields(id="gone")
    assert "There is no worker gone any more" in (await browser.submit(gone)).text


async def test_forms_are_shown_to_those_alone_who_may_send_them(scheduler: Scheduler) -> None:
    job = str(await scheduler.enqueue("mail.send", "ada"))
    await scheduler.add_schedule("mail.send", every=timedelta(hours=1), key="hourly")
    await scheduler.start()
    looking = Browser.of(scheduler, Access.read_only("grace"))
    for path in ("/", "/queues", "/queue?name=default", "/tasks", "/task?name=mail.send", "/schedules",
                 "/schedule?key=hourly", "/workers", "/system", f"/job?id={job}"):  # fmt: skip
        page = await looking.get(path)
        assert [form for form in page.forms if form.method == "post"] == []


async def test_a_page_for_an_enqueuing_client_never_makes_tables(
    browser: Browser, scheduler: Scheduler
) -> None:
    await Browser.of(Queries(scheduler)).get("/jobs")
    assert "Audit" in (await browser.get("/audit")).text


async def test_the_note_of_an_act_is_shown_once(scheduler: Scheduler, browser: Browser) -> None:
    job = str(await scheduler.enqueue("mail.send", "ada"))
    page = await browser.submit((await browser.get("/job", id=job)).form("/jobs/cancel"))
    assert "1 job cancelled, or asked to stop" in page.text
    assert "1 job cancelled, or asked to stop" not in (await browser.get("/jobs")).text
    browser.client.cookies.set("pg_scheduler_note", "garbage")
    await browser.get("/jobs")


async def test_regions_are_renewed_alone(scheduler: Scheduler, browser: Browser) -> None:
    await scheduler.enqueue("mail.send", "ada")
    answer = await browser.client.get("/queues", headers={"live-regions": "queues,unknown"})
    assert answer.text.startswith('<section class="region" id="region-queues"')
    assert "<html" not in answer.text


async def test_a_glance_at_the_overview_tells_whether_all_is_well(
    scheduler: Scheduler, browser: Browser
) -> None:
    await scheduler.start()
    assert "All is well" in (await browser.get("/")).text
    await scheduler.shutdown()
    clock = ManualClock()
    alone = Scheduler(MemoryDriver(), clock=clock)
    await alone.enqueue("mail.send", "ada")
    await clock.advance(timedelta(minutes=2))
    page = await Browser.of(alone).get("/")
    assert "1 problem Jobs or schedules do not run: somebody must act" in page.text
    assert "All is well" not in page.text
    assert "/workers" in page.links


async def test_what_can_be_done_at_once_is_done_where_the_problem_is_told(
    scheduler: Scheduler, browser: Browser
) -> None:
    await scheduler.client.pause_queue("a b", True)
    await scheduler.client.pause_task("mail.send", True)
    await scheduler.driver.minutes.note("w", {("default", "other"): Tally(failed=9)})
    page = await browser.get("/")
    for action, name in (
        ("/queues/resume", "a b"),
        ("/tasks/resume", "mail.send"),
        ("/tasks/pause", "other"),
    ):
        page = await browser.submit(page.form(action, name))
        assert "Overview" in page.text
    assert [record.task_name for record in await scheduler.driver.limits.list_limits() if record.paused] == [
        "other"
    ]
    assert await scheduler.driver.limits.paused_queues() == []
    reader = await Browser.of(scheduler, Access.read_only("grace")).get("/")
    assert ("other" in reader.text, [form for form in reader.forms if form.action]) == (True, [])


async def test_a_task_shows_what_fails_of_it_and_what_will_be_tried_again(
    scheduler: Scheduler, browser: Browser
) -> None:
    async def fails(order: int) -> None:
        raise ConnectionError(f"gateway refused order {order}")

    scheduler.register(fails, name="billing.charge", retry=RetryPolicy(base=timedelta(hours=1)))
    await scheduler.enqueue("billing.charge", 1)
    await scheduler.using(max_retries=3).enqueue("billing.charge", 2)
    await drain(scheduler, raise_errors=False)
    page = await browser.get("/task", name="billing.charge")
    failed, again = page.text.split("Will be tried again")
    assert "ConnectionError: gateway refused order 1" in failed
    assert "gateway refused order 2" in again
    assert "retry 1 of 3" in again
    assert "What fails" not in (await browser.get("/task", name="mail.send")).text


async def test_names_without_end_are_shown_in_part_and_found_by_a_part(
    scheduler: Scheduler, browser: Browser
) -> None:
    names = tuple(f"task {number:04}" for number in range(5_000))
    for number in range(1_000):
        await scheduler.using(queue=f"queue {number:04}").enqueue(names[number])
    await scheduler.client.pause_queue("queue 0999", True)
    profile = WorkerProfile(names, None, dict.fromkeys(f"queue {number:04}" for number in range(1_000)), 5)
    await scheduler.driver.jobs.renew(
        RenewRequest("w1", "host", 7, timedelta(minutes=1), (), SignOfLife(profile=profile))
    )
    page = await browser.get("/queues")
    assert f"The {LISTED} busiest of 1,000" in page.text
    assert "queue 0999" in page.text
    rows = [given for tag, given in page.tags if tag == "tr" and "data-key" in given]
    assert len(rows) == LISTED
    found = await browser.get("/tasks", part="TASK 00")
    rows = [given for tag, given in found.tags if tag == "tr" and "data-key" in given]
    assert (len(rows), "busiest" in found.text) == (100, False)
    assert "No task with “zzz” in its name" in (await browser.get("/tasks", part="zzz")).text
    workers = await browser.get("/workers")
    assert ("and 4,950 more" in workers.text, "and 950 more" in workers.text) == (True, True)


async def test_of_two_operators_at_once_the_second_changes_nothing_and_is_told(scheduler: Scheduler) -> None:
    for number in range(3):
        await scheduler.enqueue("mail.send", str(number))
    ada, grace = (Browser.of(scheduler, Access.operator(name)) for name in ("ada", "grace"))
    forms = [
        (await one.get("/jobs/confirm", act="cancel", q="task:mail.send")).form("/jobs/cancel")
        for one in (ada, grace)
    ]
    first, second = await asyncio.gather(ada.submit(forms[0]), grace.submit(forms[1]))
    assert sorted(text.partition(" job")[0][-1] for text in (first.text, second.text)) == ["0", "3"]
    assert (await scheduler.client.counts())[JobStatus.CANCELLED] == 3
    assert len(await scheduler.client.audit()) == 1

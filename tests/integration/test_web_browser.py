# SPDX-License-Identifier: Apache-2.0
"""The web pages in a real browser: interviews as candidates hold them, and the start page."""

import re

import viva_certificates
import viva_tcp_proxy
from viva_client import ok

ANSWER = "I planned the work in small steps, measured what it cost, and changed the plan when the figures said so."
# A recogniser as browsers have it, which hears the same words each time, and is sure of the last ones when it is stopped.
RECOGNISER = """
window.SpeechRecognition = class extends EventTarget {
	start() { setTimeout(() => { this.say(0, 'I planned the work,', true); this.say(1, 'and measured it.', false); }, 20); }
	stop() { setTimeout(() => { this.say(1, 'and measured it.', true); this.dispatchEvent(new Event('end')); }, 20); }
	say(index, transcript, isFinal) {
		this.results = [...(this.results ?? [])];
		this.results[index] = Object.assign([{transcript, confidence: 0.75}], {isFinal});
		this.dispatchEvent(Object.assign(new Event('result'), {resultIndex: index, results: this.results}));
	}
};
"""
# It says that it needs nobody for that; where it listens, the title tells.
LOCAL = """
SpeechRecognition.available = async (wanted) => wanted.processLocally ? 'available' : 'unavailable';
SpeechRecognition.prototype.start = function () { document.title = `local: ${this.processLocally}`; };
"""
NO_CAMERA = "navigator.mediaDevices.getUserMedia = () => { throw new Error('the camera was asked for'); };"


def test_a_whole_interview_with_the_camera_and_a_reload_in_its_middle(browser, rest):
    interview = rest.start(total_questions=2)
    with browser.visitor() as candidate:
        page = candidate.page
        candidate.open(interview)
        candidate.heading("Welcome to your practice interview")
        assert page.url == f"{rest.url}/interview/{interview.id}"  # no token where others may read it
        candidate.press("Go on to the camera")
        candidate.see("You can be seen well.")
        candidate.press("Start the interview")

        candidate.question(1, 2)
        candidate.box.fill("Half an ans")
        page.reload()
        candidate.question(1, 2)
        assert candidate.box.input_value() == "Half an ans"
        candidate.see("Seen:")  # the camera goes on, too
        candidate.answer(ANSWER)
        candidate.see("How your answer was read")
        candidate.press("Next question")

        candidate.question(2, 2)
        candidate.answer(ANSWER)
        candidate.press("See the result")
        candidate.heading("Your result")
        score = interview.whole()["score"]
        assert page.locator(".ring-figure strong").text_content() == str(round(score["overall_score"]))
        with page.expect_download() as download:
            candidate.press("Save the report (PDF)")
        assert download.value.path().read_bytes().startswith(b"%PDF-")
    whole = interview.whole()
    assert [answer["transcript"] for answer in whole["answers"]] == [ANSWER, ANSWER]
    assert [answer["duration"] for answer in whole["answers"]] == [0, 0]  # typing has no pace to be judged
    timeline = ok(rest.get(f"/api/v1/emotions/session/{interview.id}"))
    assert timeline["summary"]["faces"] > 0


def test_by_https_the_camera_and_the_connection_work_as_well(browser, platform, rest, make_service, token_key, tmp_path):
    certificate = viva_certificates.Certificate(tmp_path, "gateway")
    behind = ";".join(f"{name}={platform.target(name)}" for name in ("interview", "emotion", "scoring"))
    door = make_service("gateway", *certificate.arguments, "--discovery-url", f"static:{behind}", VIVA_TOKEN_KEY=token_key)
    interview = rest.start(total_questions=1)
    with browser.visitor(ignore_https_errors=True) as candidate:
        candidate.open(interview, base=f"https://localhost:{door.port}")
        candidate.press("Go on to the camera")
        candidate.see("You can be seen well.")
        candidate.press("Start the interview")
        candidate.question(1, 1)
        candidate.see("Connected")
        candidate.answer(ANSWER)
        candidate.see("How your answer was read")


def test_a_lost_connection_loses_no_answer(browser, platform, rest):
    proxy = viva_tcp_proxy.Proxy(platform.address("gateway")[1])
    interview = rest.start(emotion=False, total_questions=2)
    with browser.visitor() as candidate:
        candidate.open(interview, base=f"http://127.0.0.1:{proxy.port}")
        candidate.press("Start")
        candidate.question(1, 2)
        candidate.see("Connected")
        proxy.target, gateway = 1, proxy.target  # where nobody listens
        proxy.reset()
        candidate.see("Connecting again…")
        candidate.answer(ANSWER)
        candidate.see("Your answer is safe here")
        assert interview.status()["progress"] == 0
        proxy.target = gateway
        candidate.see("How your answer was read")
        candidate.see("Connected")
        candidate.press("Next question")
        candidate.question(2, 2)
    proxy.close()
    assert [answer["transcript"] for answer in interview.whole()["answers"]] == [ANSWER]


def test_an_answer_whose_acknowledgement_was_lost_counts_once(browser, rest):
    interview = rest.start(emotion=False, total_questions=2)
    with browser.visitor() as candidate:
        candidate.open(interview)
        candidate.press("Start")
        candidate.question(1, 2)
        seen = []

        def lose_first(route):
            seen.append(route.request.method)
            if len(seen) == 1:
                route.fetch()
                route.fulfill(status=502, body="")
            else:
                route.continue_()

        candidate.page.route("**/answers", lose_first)
        candidate.answer(ANSWER)
        candidate.see("How your answer was read")
    assert seen == ["POST", "POST"]
    assert len(interview.whole()["answers"]) == 1


def test_a_window_follows_what_is_answered_elsewhere_and_may_end_the_interview_early(browser, rest):
    interview = rest.start(emotion=False, total_questions=3)
    with browser.visitor() as candidate:
        candidate.open(interview)
        candidate.press("Start")
        candidate.question(1, 3)
        candidate.see("Connected")
        ok(interview.answer(interview.started["question"]["id"], ANSWER), 201)
        candidate.question(2, 3)
        candidate.answer(ANSWER)
        candidate.see("How your answer was read")
        candidate.press("Your data")
        candidate.press("End the interview now")
        candidate.press("End it")
        candidate.heading("Your result")
        candidate.see("2 of 3 questions were answered")
    assert interview.status()["status"] == "scored"


def test_in_recruitment_no_camera_is_asked_for_and_nothing_is_judged_in_between(browser, rest):
    interview = rest.start(total_questions=2, mode="recruitment")
    with browser.visitor() as candidate:
        candidate.context.add_init_script(NO_CAMERA)
        candidate.open(interview)
        candidate.heading("Welcome to your interview")
        candidate.see("faces and feelings are never analysed")
        candidate.press("Start")
        candidate.question(1, 2)
        assert candidate.page.locator("video").count() == 0
        candidate.answer(ANSWER)
        candidate.question(2, 2)  # at once
        candidate.answer(ANSWER)
        candidate.heading("Thank you")
        score = candidate.page.locator(".ring")
        assert not score.is_visible()
        candidate.page.get_by_text("How your answers were read").click()
        score.wait_for()
        candidate.see("Emotions are never analysed")
    assert interview.status()["status"] == "scored"


def test_without_leave_for_the_camera_the_interview_goes_on(browser, rest):
    interview = rest.start(total_questions=1)
    with browser.visitor(may_use_camera=False) as candidate:
        candidate.open(interview)
        candidate.press("Go on to the camera")
        candidate.see("The camera was not allowed.")
        candidate.press("Go on without camera")
        candidate.question(1, 1)
        candidate.see("The camera is off.")
        candidate.answer(ANSWER)
        candidate.press("See the result")
        candidate.heading("Your result")
        assert candidate.page.get_by_text("Expression").count() == 0


def test_an_interview_by_the_keyboard_alone(browser, rest):
    interview = rest.start(total_questions=1, mode="recruitment")
    with browser.visitor() as candidate:
        page = candidate.page

        def tab_to(selector):
            for _ in range(12):
                if page.locator(f"{selector}:focus").count():
                    return
                page.keyboard.press("Tab")
            raise AssertionError(f"{selector} is not reached by the keyboard")

        candidate.open(interview)
        candidate.heading("Welcome to your interview")
        tab_to("button.primary")
        page.keyboard.press("Enter")
        candidate.question(1, 1)
        assert page.locator("h1:focus").count() == 1  # a screen reader begins at the question
        tab_to("#answer")
        page.keyboard.type("I measured it.")
        tab_to("button:text-is('Skip')")
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        page.locator("#answer").focus()
        page.keyboard.press("Control+Enter")
        candidate.heading("Thank you")
        tab_to("summary")
        page.keyboard.press("Enter")
        page.locator(".ring").wait_for()
    assert [answer["transcript"] for answer in interview.whole()["answers"]] == ["I measured it."]


def test_speech_is_used_only_after_a_notice_and_told_with_its_times(browser, rest):
    interview = rest.start(emotion=False, total_questions=2)
    with browser.visitor() as candidate:
        page = candidate.page
        candidate.context.add_init_script(RECOGNISER)
        candidate.open(interview)
        candidate.press("Start")
        for number in (1, 2):
            candidate.question(number, 2)
            candidate.press("Speak")
            if number == 1:
                candidate.see("send the sound to their vendor")
                assert candidate.box.input_value() == ""
                candidate.press("Use speech")
            candidate.see("and measured it.")
            if number == 2:  # corrected by hand, it is the recogniser's no more
                candidate.press("Stop speaking")
                candidate.see("7 words")  # the last ones come after the end
                candidate.box.fill(ANSWER)
            candidate.press("Send answer")
            candidate.press("Next question" if number == 1 else "See the result")
        candidate.heading("Your result")
    spoken, corrected = interview.whole()["answers"]
    assert spoken["transcript"] == "I planned the work, and measured it."
    assert spoken["confidence"] == 0.75 and spoken["duration"] > 0
    assert [segment["text"] for segment in spoken["segments"]] == ["I planned the work,", "and measured it."]
    times = [time for segment in spoken["segments"] for time in (segment["start"], segment["end"])]
    assert times == sorted(times) and times[-1] <= spoken["duration"]
    assert corrected["transcript"] == ANSWER and corrected["confidence"] is None and corrected["duration"] == 0
    assert not corrected["segments"]


def test_a_browser_that_can_listen_on_its_device_is_made_to(browser, rest):
    interview = rest.start(emotion=False, total_questions=1)
    with browser.visitor() as candidate:
        candidate.context.add_init_script(RECOGNISER + LOCAL)
        candidate.open(interview)
        candidate.press("Start")
        candidate.press("Speak")
        candidate.see("no sound leaves it")
        candidate.press("Use speech")
        candidate.see("Listening…")
        assert candidate.page.title() == "local: true"


def test_speech_that_was_agreed_to_too_late_is_not_listened_to(browser, rest):
    interview = rest.start(emotion=False, total_questions=2)
    with browser.visitor() as candidate:
        candidate.context.add_init_script(RECOGNISER + LOCAL)
        candidate.open(interview)
        candidate.press("Start")
        candidate.question(1, 2)
        candidate.see("Connected")
        candidate.press("Speak")
        candidate.see("no sound leaves it")
        ok(interview.answer(interview.started["question"]["id"], ANSWER), 201)  # in another window
        candidate.question(2, 2)
        candidate.press("Use speech")
        candidate.page.get_by_role("dialog").wait_for(state="detached")
        assert candidate.page.title() == "Question 2 of 2"


def test_a_candidate_saves_and_erases_their_data(browser, rest):
    interview = rest.start(emotion=False, total_questions=2)
    with browser.visitor(bypass_csp=True) as candidate:
        page = candidate.page
        candidate.context.add_init_script(RECOGNISER)
        candidate.open(interview)
        candidate.press("Start")
        candidate.question(1, 2)
        candidate.press("Speak")
        candidate.press("Use speech")
        candidate.see("and measured it.")
        candidate.press("Your data")
        with page.expect_download() as download:
            candidate.press("Save a copy (JSON)")
        assert interview.id in download.value.path().read_text()
        candidate.press("Erase everything…")
        candidate.press("Cancel")
        assert interview.status()["status"] == "in_progress"
        candidate.press("Erase everything…")
        candidate.press("Erase everything")
        candidate.heading("Everything was erased")
        assert rest.get(f"/api/v1/interviews/{interview.id}").status_code == 404
        assert page.evaluate("sessionStorage.length") == 0  # nor is there a draft of what was being said
        page.reload()
        candidate.heading("This link does not open an interview")  # nor does the tab remember its token


def test_a_link_without_its_token_opens_nothing(browser, rest):
    interview = rest.start()
    with browser.visitor() as candidate:
        candidate.page.goto(f"{rest.url}/interview/{interview.id}")
        candidate.heading("This link does not open an interview")
        candidate.see("A part of the link is missing.")
        assert candidate.page.get_by_role("button").count() == 0


def test_the_start_page_gives_a_link_that_opens_the_interview(browser, platform, rest):
    with browser.visitor() as host:
        page = host.page
        page.goto(f"{rest.url}/")
        page.get_by_label("API key").fill("viva_not_the_key_at_all")
        page.get_by_label("Name of the candidate").fill("Ann <b>Example</b>")
        page.get_by_label("Number of questions").fill("99")
        host.press("Start the interview")
        host.see("This platform wants its API key")
        page.get_by_label("API key").fill(platform.api_key)
        host.press("Start the interview")
        page.locator("#total-problem").wait_for()
        page.get_by_label("Number of questions").fill("2")
        page.get_by_text("Pictures of the camera may be analysed").click()
        host.press("Start the interview")
        host.heading("The interview is ready")
        host.see("Ann <b>Example</b>")
        link = page.get_by_label("Link for the candidate").input_value()
        assert re.fullmatch(rf"{re.escape(rest.url)}/interview/[0-9a-f-]{{36}}#token=[\w.-]+", link)
        with host.context.expect_page() as opened:
            page.get_by_role("link", name="Open here").click()
        opened.value.get_by_role("heading", name="Welcome to your practice interview").wait_for()
        opened.value.get_by_role("button", name="Go on to the camera").wait_for()
        assert not host.context.storage_state()["origins"]  # the key is nowhere but in memory


def test_a_start_whose_answer_was_lost_is_made_once_and_may_be_changed(browser, platform, rest):
    with browser.visitor() as host:
        page = host.page
        answers = []

        def lose(route):
            answers.append(route.fetch())
            route.fulfill(status=502, body="")

        page.goto(f"{rest.url}/")
        page.get_by_label("API key").fill(platform.api_key)
        page.get_by_label("Name of the candidate").fill("Ann")
        page.route("**/start", lose)
        for _ in range(2):
            host.press("Start the interview")
            host.see("Something went wrong.")
        assert [answer.status for answer in answers] == [201, 201]
        assert answers[0].json()["id"] == answers[1].json()["id"]
        page.unroute("**/start")
        page.get_by_label("Name of the candidate").fill("Ann Example")
        host.press("Start the interview")
        host.heading("The interview is ready")
        assert answers[0].json()["id"] not in page.get_by_label("Link for the candidate").input_value()

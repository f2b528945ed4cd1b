# SPDX-License-Identifier: Apache-2.0
"""The camera on the candidate's page: when its pictures are sent, and what the candidate is told of them.

The page's own modules run between a camera and a connection that say what they are told to. The tests' scripts are no part
of the page, whose policy forbids them; so it is put aside.
"""

import pytest

PICTURES = r"""async () => {
	const {Pictures} = await import('/web/camera.js');
	const camera = {isOn: true, picture: async () => new Blob(['picture'])};
	const live = {isOpen: true, bufferedBytes: 0, sent: [], send: (type, data) => live.sent.push(data)};
	const pictures = new Pictures('id', camera, live, () => 1234.4);
	let isHidden = false;
	Object.defineProperty(document, 'hidden', {get: () => isHidden});
	pictures.timer = 0;  // as if started
	const turn = async () => {
		const before = live.sent.length;
		await pictures.turn();
		clearTimeout(pictures.timer);
		return live.sent.length - before;
	};
	const counts = {free: await turn()};
	live.bufferedBytes = 1 << 20;
	counts.backedUp = await turn();
	live.bufferedBytes = 0;
	counts.freeAgain = await turn();
	isHidden = true;
	counts.hiddenTab = await turn();
	isHidden = false;
	live.isOpen = false;
	counts.noConnection = await turn();
	live.isOpen = true;
	camera.isOn = false;
	counts.cameraOff = await turn();
	const period = pictures.periodMs;
	for (let i = 0; i < 20; i++) pictures.slower();
	counts.slowest = pictures.periodMs;
	for (let i = 0; i < 100; i++) pictures.faster();
	return {...counts, first: live.sent[0], isFastAgain: pictures.periodMs === period};
}"""

VIEW = r"""async () => {
	const {View} = await import('/web/view.js');
	const camera = Object.assign(new EventTarget(), {isOn: true, video: document.createElement('video'), stop() { this.isOn = false; }});
	const live = new EventTarget();
	const pictures = {pace: '', slower() { this.pace += '-'; }, faster() { this.pace += '+'; }, stop() {}};
	const view = new View({camera, live, pictures, onChoice() {}});
	document.body.append(view.element);
	const told = {};
	const take = (name, type, data) => {
		live.dispatchEvent(new CustomEvent('message', {detail: {type, data}}));
		const read = (element) => (element.checkVisibility() ? element.textContent : '');
		told[name] = [read(view.overlay), read(view.seen)];
	};
	const update = (timestamp, emotion, hint = '') => ({timestamp, emotion, confidence: 1, attention: 0.9, hint});
	take('seen', 'emotion_update', update(10, 'neutral'));
	take('late', 'emotion_update', update(5, 'sad'));
	take('hint', 'hint', {code: 'too_dark', message: 'It is <b>dark</b>.'});
	take('while it lasts', 'emotion_update', update(20, 'neutral', 'too_dark'));
	take('better', 'emotion_update', update(30, 'surprise'));
	take('no face', 'error', {code: 'FACE_NOT_DETECTED', message: ''});
	take('several', 'error', {code: 'MULTIPLE_FACES', message: ''});
	take('unknown emotion', 'emotion_update', update(40, 'toString'));
	take('away', 'error', {code: 'EMOTION_UNAVAILABLE', message: ''});
	take('forbidden', 'error', {code: 'EMOTION_NOT_ALLOWED', message: ''});
	return {told, pace: pictures.pace, isOn: camera.isOn};
}"""

LEAVE = r"""async () => {
	const {Camera} = await import('/web/camera.js');
	const asked = [];
	const tracks = [];
	navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => { asked.push(resolve); });
	const give = () => {
		const stream = document.createElement('canvas').captureStream();
		tracks.push(...stream.getTracks());
		asked.pop()?.(stream);
	};
	const counts = {};
	const run = async (name, ...steps) => {
		const camera = new Camera();
		camera.video.play = async () => {};
		tracks.length = 0;
		const starts = steps.map((step) => camera[step]());
		counts[name] = {asked: asked.length};
		while (asked.length)
			give();
		await Promise.all(starts);
		const filming = () => tracks.filter((track) => track.readyState === 'live').length;
		Object.assign(counts[name], {isOn: camera.isOn, filming: filming()});
		camera.stop();
		counts[name].afterwards = filming();
	};
	await run('twice', 'start', 'start');
	await run('declined', 'start', 'stop');
	await run('changed mind', 'start', 'stop', 'start');
	return counts;
}"""

CLOCK = r"""async () => {
	const {Api} = await import('/web/api.js');
	const api = new Api('');
	const dates = [];
	window.fetch = async () => new Response('{}', {headers: dates.length ? {Date: new Date(dates.shift()).toUTCString()} : {}});
	const hour = 3600000;
	const begin = Math.ceil(Date.now() / 1000) * 1000 + 5 * hour;  // by a clock that ours knows nothing of
	const times = [];
	// An answer that took long, one that took less, one without a date.
	for (const date of [begin, begin - 4000, begin + 7000]) {
		dates.push(date);
		await api.call('GET', '/');
		times.push(api.now());
	}
	await api.call('GET', '/');
	times.push(api.now());
	return times.map((time) => (time - begin) / 1000);
}"""

MOMENTS = r"""async () => {
	const {moment} = await import('/web/strings.js');
	const now = new Date(2026, 10, 26, 0, 1);
	return [moment(new Date(2026, 10, 26, 0, 5).toISOString(), now), moment(new Date(2026, 10, 27, 14, 5).toISOString(), now)];
}"""


@pytest.fixture
def page(browser, rest):
    with browser.visitor(bypass_csp=True) as person:
        person.page.goto(f"{rest.url}/")
        person.heading("Start an interview")
        yield person.page


def test_pictures_are_sent_only_where_they_can_leave_at_once_and_are_looked_at(page):
    outcome = page.evaluate(PICTURES)
    assert outcome.pop("first") == {"session_id": "id", "timestamp": 1234, "image": "cGljdHVyZQ=="}
    assert outcome == {"free": 1, "backedUp": 0, "freeAgain": 1, "hiddenTab": 0, "noConnection": 0, "cameraOff": 0,
                       "slowest": 2000, "isFastAgain": True}  # fmt: skip


def test_what_is_seen_is_told_in_words_and_hints_come_over_the_picture(page):
    outcome = page.evaluate(VIEW)
    told = outcome["told"]
    assert told["seen"] == told["late"] == ["", "Seen: neutral, attention 90 %"]
    assert told["hint"] == told["while it lasts"] == ["It is <b>dark</b>.", ""]
    assert told["better"] == ["", "Seen: surprised, attention 90 %"]
    assert told["no face"][0].startswith("No face is seen.") and told["several"][0].startswith("Several faces are seen.")
    assert told["unknown emotion"] == ["", ""]
    assert told["away"][1].startswith("Pictures can’t be analysed just now.")
    assert told["forbidden"] == ["", ""] and outcome["isOn"] is False
    assert outcome["pace"].count("-") == 1 and outcome["pace"].endswith("-")


def test_a_camera_films_once_and_only_while_it_is_wanted(page):
    counts = page.evaluate(LEAVE)
    assert counts["twice"] == {"asked": 1, "isOn": True, "filming": 1, "afterwards": 0}
    assert counts["declined"] == {"asked": 1, "isOn": False, "filming": 0, "afterwards": 0}
    assert counts["changed mind"] == {"asked": 1, "isOn": True, "filming": 1, "afterwards": 0}


def test_the_servers_time_never_goes_back(page):
    first, second, third, last = page.evaluate(CLOCK)
    assert 0 <= first <= second < third <= last
    assert third >= 7


def test_a_moment_of_another_day_is_told_with_its_date(page):
    assert page.evaluate(MOMENTS) == ["00:05", "Friday, November 27 at 14:05"]

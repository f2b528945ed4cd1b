// SPDX-License-Identifier: Apache-2.0
//
// The candidate's page, /interview/ID#token=…: from the welcome to the result.
//
//   welcome ─▶ check (where a camera may be used) ─▶ question … question ─▶ result
//
// Answers go by REST and are sent again until they are taken; the WebSocket brings what is seen, hints, the score, and
// word of what happens in other windows. Where the interview stands is the platform's to say: after a reload it is asked.

import {Api, ApiError, pause} from './api.js';
import {Camera, Pictures} from './camera.js';
import {showCheck} from './check.js';
import {openData} from './data.js';
import {frame, make, show, tell} from './dom.js';
import {Live} from './live.js';
import {Memory, takeToken} from './memory.js';
import {QuestionScreen} from './question.js';
import {showMaking, showResult} from './result.js';
import {text} from './strings.js';
import {View} from './view.js';
import {showWelcome} from './welcome.js';

const SCORE_LOOK_MS = 3000;
const SLOW_SCORE_MS = 15000;

const id = decodeURIComponent(location.pathname.split('/')[2] ?? '');
const memory = new Memory(id);
const token = takeToken(memory);
const api = new Api(token);
const path = `/api/v1/interviews/${encodeURIComponent(id)}`;
const live = new Live(id, token);
const camera = new Camera();
const pictures = new Pictures(id, camera, live, () => api.now());

const connection = make('span', {class: 'connection', hidden: true});
const dataButton = make('button', {class: 'quiet small', hidden: true, on: {click: openOwnData}}, text.data.open);
let interview = null;  // as the platform last told it
let view = null;       // where a camera may be used
let screen = null;     // the question's
let stage = 'loading'; // welcome, check, question, making, result, over

// ---- what is shown where nothing goes on

function showEnd(title, sentence, ...more) {
	stage = 'over';
	live.close();
	leaveQuestion();
	camera.stop();
	pictures.stop();
	connection.hidden = true;
	show(title, make('div', {class: 'column centred'}, make('h1', null, title), make('p', {class: 'lead'}, sentence), ...more));
}

function showBroken(sentence) {
	dataButton.hidden = true;
	showEnd(text.broken.title, sentence);
}

function showFailure(error) {
	showEnd(text.broken.failed, error.message,
		make('button', {class: 'primary', on: {click: () => location.reload()}}, text.broken.again));
}

function leaveQuestion() {
	screen?.end();
	screen = null;
}

function openOwnData() {
	openData({
		id, api,
		// An answer that is on its way must arrive first.
		canFinish: () => (stage === 'question' && !screen?.isSending) || (stage === 'welcome' && interview.answers.length > 0),
		onFinish: finish,
		onErased: () => {
			dataButton.hidden = true;
			showEnd(text.over.erased, text.over.erasedText);
			memory.forget();  // last: what ends there keeps its draft
		},
	});
}

// ---- the way through the interview

async function refresh() {
	interview = await api.patiently('GET', path, {}, () => {
		if (stage === 'loading')
			show(text.loading, make('p', {class: 'column loading', role: 'status'}, text.connection.waiting));
	});
}

let going = null;

// To where the platform says we are. Who asks while somebody is on the way goes along.
function goOn() {
	going ??= findPlace().finally(() => { going = null; });
	return going;
}

async function findPlace() {
	leaveQuestion();
	try {
		await refresh();
	} catch (error) {
		if (stage === 'over')
			return;
		if (error instanceof ApiError && error.isGone)
			showBroken(token ? text.broken.gone : text.broken.noToken);
		else
			showFailure(error);
		return;
	}
	if (stage === 'over')
		return;  // erased meanwhile
	dataButton.hidden = false;
	if (!view && interview.mode === 'practice' && interview.consent.emotion_analysis)
		view = new View({camera, live, pictures, onChoice: (isOn) => memory.set('wantsCamera', isOn)});
	if (interview.status === 'expired')
		showEnd(text.over.expired, text.over.expiredText);
	else if (interview.status === 'in_progress' && interview.question)
		putQuestion();
	else
		finish();
}

function putQuestion() {
	if (!memory.get('hasBegun')) {
		welcome();
		return;
	}
	live.open();
	if (memory.get('wantsCamera') && view && !camera.isOn)
		view.turnOn();
	stage = 'question';
	connection.hidden = false;
	screen = new QuestionScreen({
		interview, question: interview.question, number: interview.answers.length + 1, memory, api,
		aside: view?.element ?? null, send: sendAnswer, onNext: goOn,
	});
}

function welcome() {
	stage = 'welcome';
	showWelcome({
		interview,
		mayUseCamera: view !== null,
		onStart: (withCamera) => {
			if (withCamera)
				check();
			else
				begin();
		},
	});
}

function check() {
	stage = 'check';
	live.open();
	showCheck({view, onDone: begin});
}

function begin() {
	memory.set('wantsCamera', camera.isOn);
	memory.set('hasBegun', true);
	goOn();
}

// Until it is taken: what was acknowledged is kept for good. The answer may have arrived although its acknowledgement
// did not; then the platform says so, and it counts.
async function sendAnswer(question, transcript, members, onWait) {
	const body = {question_id: question.id, transcript, ...members};
	let wasRepeated = false;
	const onRepeat = () => {
		wasRepeated = true;
		onWait();
	};
	const send = () => api.patiently('POST', `${path}/answers`, {body}, onRepeat, () => stage === 'question');
	try {
		return outcomeOf(await send());
	} catch (error) {
		if (error.code === 'ALREADY_ANSWERED' || error.code === 'INTERVIEW_COMPLETED')
			return findOutcome(question, transcript, wasRepeated);
		if (error.field !== 'segments')
			throw error;
		delete body.segments;
		return outcomeOf(await send());
	}
}

// `note`: why it isn't this answer that counts; '' = it does.
function outcomeOf(reply, note = '') {
	return {analysis: reply.analysis, isLast: !reply.next_question, note};
}

async function findOutcome(question, transcript, wasRepeated) {
	await refresh();
	const answer = interview.answers.find((one) => one.question_id === question.id);
	const isOurs = wasRepeated && answer?.transcript === transcript;
	const note = isOurs ? '' : answer ? text.question.elsewhere : text.question.late;
	return outcomeOf({analysis: answer?.analysis ?? null, next_question: interview.question}, note);
}

// Completes the interview and waits for its score.
async function finish() {
	leaveQuestion();
	camera.stop();
	pictures.stop();
	memory.set('wantsCamera', false);
	stage = 'making';
	const tellSlow = showMaking();
	const began = Date.now();
	try {
		while (stage === 'making') {
			const done = await api.patiently('POST', `${path}/complete`, {}, tellSlow, () => stage === 'making');
			await refresh();
			if (done.score && interview.score)
				break;
			if (Date.now() - began > SLOW_SCORE_MS)
				tellSlow();
			await pause(SCORE_LOOK_MS);
		}
	} catch (error) {
		if (stage === 'making' && error instanceof ApiError && error.isGone)
			showBroken(text.broken.gone);
		else if (stage === 'making')
			showFailure(error);
		return;
	}
	if (stage !== 'making')
		return;
	stage = 'result';
	live.close();
	connection.hidden = true;
	showResult({interview, api});
}

// ---- the connection

let wasLost = false;

live.addEventListener('state', ({detail: isOpen}) => {
	connection.textContent = isOpen ? text.connection.on : text.connection.off;
	connection.classList.toggle('lost', !isOpen);
	if (stage !== 'question' && stage !== 'check')
		return;
	if (!isOpen && !wasLost)
		tell(text.connection.lost, true);
	if (isOpen && wasLost)
		tell(text.connection.back);
	wasLost = !isOpen;
});

// It may be gone, or somebody else's: only an answer tells.
live.addEventListener('doubt', async () => {
	try {
		await api.call('GET', `${path}/status`);
	} catch (error) {
		if (stage !== 'over' && error instanceof ApiError && error.isGone)
			showBroken(text.broken.gone);
	}
});

live.addEventListener('message', ({detail: {type, data}}) => {
	// Another window went on; here nothing is on its way.
	if (type === 'question' && stage === 'question' && screen && !screen.isSending && !screen.isOver &&
		data.id !== screen.question.id)
		goOn();
	else if (type === 'status' && stage === 'question' && screen && !screen.isSending && !screen.isOver &&
		(data.progress >= 100 || data.status))
		goOn();
	else if (type === 'score' && stage === 'question')
		goOn();
});

// The browser may keep the page and bring it back: then the camera is off, and says so.
addEventListener('pagehide', () => (view ? view.turnOff() : camera.stop()));

frame(text.brand, connection, dataButton);
show(text.loading, make('p', {class: 'column loading', role: 'status'}, text.loading));
goOn();

// SPDX-License-Identifier: Apache-2.0
//
// The end: the score, what stood out, and the report.

import {analysisOf} from './analysis.js';
import {bar, make, makeSvg, save, show, tell} from './dom.js';
import {text, wordFor} from './strings.js';

const words = text.result;
const SCORES = [['technical_score', words.technical], ['communication_score', words.communication],
	['emotion_score', words.emotion]];

// The overall score as a ring.
function ring(score) {
	const radius = 54;
	const length = 2 * Math.PI * radius;
	const circle = (name, dash) => makeSvg('circle', {class: name, cx: 64, cy: 64, r: radius, 'stroke-dasharray': dash});
	return make('div', {class: 'ring'},
		makeSvg('svg', {viewBox: '0 0 128 128', 'aria-hidden': 'true'},
			circle('ring-ground', null), circle('ring-fill', `${length * score / 100} ${length}`)),
		make('p', {class: 'ring-figure'}, make('strong', null, Math.round(score)), make('span', null, words.of)));
}

function scores(score) {
	// What was not looked at has no bar; an insight says why.
	return make('div', {class: 'bars'}, SCORES.filter(([name]) => typeof score[name] === 'number')
		.map(([name, label]) => bar(label, score[name] / 100, Math.round(score[name]))));
}

function insight({description, impact, evidence}) {
	const direction = impact > 0.005 ? 'up' : impact < -0.005 ? 'down' : 'none';
	return make('li', null,
		make('span', {class: `impact ${direction}`}, words.impact[direction]),
		make('div', null, make('p', null, description), evidence && make('q', {class: 'evidence'}, evidence)));
}

function answers(interview) {
	const byId = new Map(interview.answers.map((answer) => [answer.question_id, answer]));
	return interview.questions.filter((question) => byId.has(question.id)).map((question) => {
		const answer = byId.get(question.id);
		return make('details', {class: 'given'},
			make('summary', null, question.text),
			make('p', {class: 'words'}, answer.transcript || text.analysis.skipped),
			analysisOf(answer.analysis));
	});
}

function scoreCard(score) {
	if (score.scorable === false || typeof score.overall_score !== 'number')
		return make('p', {class: 'card note'}, words.notScorable);
	const band = score.overall_band;
	return make('section', {class: 'card score', 'aria-label': words.overall},
		ring(score.overall_score),
		make('div', {class: 'score-parts'}, scores(score),
			band && make('p', {class: 'hint'}, words.band(Math.round(band.low), Math.round(band.high)))));
}

function details(interview) {
	const {score} = interview;
	return [
		scoreCard(score),
		score.feedback && make('p', {class: 'feedback'}, score.feedback),
		score.insights?.length > 0 && make('section', null, make('h2', null, words.insights),
			make('ul', {class: 'insights'}, score.insights.map(insight))),
		make('section', null, make('h2', null, words.answers), answers(interview)),
		make('p', {class: 'hint'}, wordFor(words.judge, score.judged_by, words.judge.local)),
	];
}

function reportButton(interview, api) {
	const problem = make('p', {class: 'problem', role: 'alert', hidden: true}, words.reportFailed);
	const button = make('button', {class: 'primary', on: {click: fetchReport}}, words.report);
	const emotions = interview.consent.emotion_analysis && interview.mode === 'practice';
	const path = `/api/v1/scores/report/${interview.id}?format=pdf&include_emotions=${emotions}&include_video=${interview.consent.recording}`;

	async function fetchReport() {
		button.disabled = true;
		problem.hidden = true;
		try {
			save(await (await api.fetch('GET', path)).blob(), 'interview-report.pdf');
		} catch {
			problem.hidden = false;
		}
		button.disabled = false;
	}
	return [make('div', {class: 'actions'}, button), problem];
}

export function showMaking() {
	const slow = make('p', {class: 'note', hidden: true}, words.slow);
	show(words.making, make('div', {class: 'column centred'},
		make('div', {class: 'spinner', 'aria-hidden': 'true'}),
		make('h1', null, words.making), make('p', {class: 'lead'}, words.makingText), slow));
	return () => { slow.hidden = false; };
}

// `interview` is scored. In a practice interview the score is the point; in recruitment it is there for who asks.
export function showResult({interview, api}) {
	const isPractice = interview.mode === 'practice';
	const title = words.title[interview.mode];
	show(title, make('div', {class: 'column'},
		make('h1', null, title),
		isPractice ? null : [make('p', {class: 'lead'}, words.thanks), make('p', null, words.next)],
		isPractice ? details(interview)
			: make('details', {class: 'card how'}, make('summary', null, words.how), details(interview)),
		reportButton(interview, api)));
	tell(title);
}

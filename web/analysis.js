// SPDX-License-Identifier: Apache-2.0
//
// How an answer was read, after it and in the result.

import {bar, make} from './dom.js';
import {text, wordFor} from './strings.js';

const words = text.analysis;
const SCORES = [['relevance_score', words.relevance], ['clarity_score', words.clarity], ['depth_score', words.depth],
	['correctness_score', words.correctness]];

function points(analysis) {
	if (!analysis.points?.length)
		return null;
	return make('details', {class: 'reference'},
		make('summary', null, words.points),
		make('ul', {class: 'statuses'}, analysis.points.map((point) => make('li', null,
			make('span', {class: `status ${point.status}`}, wordFor(words.status, point.status, point.status)),
			make('span', null, point.text,
				point.evidence && make('q', {class: 'evidence'}, point.evidence))))));
}

// The elements that tell of an analysis; null = it isn't there yet.
export function analysisOf(analysis) {
	if (!analysis)
		return make('p', {class: 'note'}, words.later);
	if (analysis.scorable === false)
		return make('p', {class: 'note'}, make('strong', null, words.notScorable, ': '), analysis.reason);
	return make('div', {class: 'analysis'},
		make('div', {class: 'bars'}, SCORES.filter(([name]) => typeof analysis[name] === 'number')
			.map(([name, label]) => bar(label, analysis[name], Math.round(analysis[name] * 100)))),
		make('p', null, analysis.feedback),
		analysis.keywords?.length > 0 && make('ul', {class: 'chips', 'aria-label': words.keywords},
			analysis.keywords.map((word) => make('li', null, word))),
		points(analysis));
}

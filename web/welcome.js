// SPDX-License-Identifier: Apache-2.0
//
// What the candidate reads first: what is asked, what is looked at, what is not.

import {make, show} from './dom.js';
import {moment, text} from './strings.js';

const words = text.welcome;

function cameraPoints(interview) {
	if (interview.mode === 'recruitment')
		return [words.cameraRecruitment];
	if (!interview.consent.emotion_analysis)
		return [words.cameraNone];
	return [words.camera, interview.consent.recording ? words.kept : words.notKept];
}

function point(icon, sentence) {
	return make('li', null, make('span', {class: 'point-icon', 'aria-hidden': 'true'}, icon), make('span', null, sentence));
}

// `onStart(withCamera)` is called once, when the candidate goes on.
export function showWelcome({interview, mayUseCamera, onStart}) {
	const answered = interview.answers.length;
	const total = interview.total_questions;
	const isBack = answered > 0;
	const title = isBack ? words.back : words.title[interview.mode];
	const isPractice = interview.mode === 'practice';
	const start = mayUseCamera
		? [make('button', {class: 'primary', on: {click: () => onStart(true)}}, words.toCamera),
			make('button', {class: 'quiet', on: {click: () => onStart(false)}}, words.withoutCamera)]
		: make('button', {class: 'primary', on: {click: () => onStart(false)}}, isBack ? words.goOn : words.start);
	show(title, make('div', {class: 'column'},
		make('h1', null, title),
		make('p', {class: 'lead'}, isBack ? words.backLead(total - answered, total) : words.lead(total), ' ',
			interview.expires_at && words.until(moment(interview.expires_at))),
		make('section', {class: 'card', 'aria-labelledby': 'happens'},
			make('h2', {id: 'happens'}, words.happens),
			make('ul', {class: 'points'},
				point('✎', words.asked),
				point('◎', `${words.answers} ${isPractice ? words.answersPractice : words.answersRecruitment}`),
				cameraPoints(interview).map((sentence, index) => point(index ? '▣' : '◉', sentence)),
				point('♪', words.sound))),
		make('section', {class: 'card', 'aria-labelledby': 'rights'},
			make('h2', {id: 'rights'}, words.rights),
			make('p', null, words.rightsText)),
		make('div', {class: 'actions'}, start)));
}

// SPDX-License-Identifier: Apache-2.0
//
// The device check: the camera's picture and what would help to be seen better, before the first question.

import {make, show, tell} from './dom.js';
import {text} from './strings.js';

const words = text.check;

// `onDone()` is called once, with or without a camera.
export function showCheck({view, onDone}) {
	const state = make('p', {class: 'check-state'}, words.asking);
	const start = make('button', {class: 'primary', on: {click: () => done()}}, words.start);
	const turnOn = make('button', {class: 'primary', hidden: true, on: {click: () => turn()}}, words.turnOn);
	const without = make('button', {class: 'quiet', on: {click: () => { view.turnOff(); done(); }}}, words.without);

	function done() {
		view.onSeen = () => {};
		onDone();
	}

	async function turn() {
		state.textContent = words.asking;
		start.hidden = true;
		const problem = await view.turnOn();
		turnOn.hidden = !problem;
		start.hidden = Boolean(problem);
		state.textContent = problem ? '' : words.looking;
	}

	let wasSeen = false;
	view.onSeen = (isGood) => {
		state.textContent = isGood ? words.good : words.looking;
		state.classList.toggle('good', isGood);
		if (isGood && !wasSeen)
			tell(words.good);
		wasSeen = isGood;
	};
	show(words.title, make('div', {class: 'column check'},
		make('h1', null, words.title),
		make('p', {class: 'lead'}, words.lead),
		view.element,
		state,
		make('div', {class: 'actions'}, start, turnOn, without)));
	turn();
}

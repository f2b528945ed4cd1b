// SPDX-License-Identifier: Apache-2.0
//
// The device check: the camera's picture and what would help to be seen better, before the first question. Without a
// camera it says why, and goes on.

import {make, show, tell} from './dom.js';
import {text} from './strings.js';

const words = text.check;

// `onDone()` is called once, with or without a camera.
export function showCheck({view, onDone}) {
	const state = make('p', {class: 'check-state'}, words.asking);
	const start = make('button', {class: 'primary', hidden: true, on: {click: done}}, words.start);
	const without = make('button', {class: 'quiet', on: {click: () => { view.turnOff(); done(); }}}, words.without);
	const again = make('button', {class: 'quiet', hidden: true, on: {click: turnOn}}, words.again);

	function done() {
		view.onSeen = () => {};
		view.mayToggle = true;
		view.refresh();
		onDone();
	}

	async function turnOn() {
		state.textContent = words.asking;
		const problem = await view.turnOn();
		start.hidden = Boolean(problem);
		again.hidden = !problem;
		without.className = problem ? 'primary' : 'quiet';
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
	view.mayToggle = false;  // the buttons below do that
	view.refresh();
	show(words.title, make('div', {class: 'column check'},
		make('h1', null, words.title),
		make('p', {class: 'lead'}, words.lead),
		view.element,
		state,
		make('div', {class: 'actions'}, start, without, again)));
	turnOn();
}

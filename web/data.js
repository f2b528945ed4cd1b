// SPDX-License-Identifier: Apache-2.0
//
// "Your data": a copy of all that is kept, the early end, and erasing.

import {ask, make, save, tell} from './dom.js';
import {text} from './strings.js';

const words = text.data;

// Opens the dialog. `canFinish()`: whether the interview can be ended early; `onFinish()` ends it; `onErased()` is called
// when nothing is left.
export function openData({id, api, canFinish, onFinish, onErased}) {
	const line = make('p', {class: 'note', role: 'status'});
	const exportButton = make('button', {type: 'button', class: 'quiet', on: {click: takeCopy}}, words.export);
	const eraseButton = make('button', {type: 'button', class: 'danger', on: {click: erase}}, words.erase);
	const finishButton = canFinish() &&
		make('button', {type: 'button', class: 'quiet', on: {click: finish}}, words.finish);
	const dialog = make('dialog', {class: 'data', 'aria-labelledby': 'data-title'},
		make('form', {method: 'dialog'},
			make('h2', {id: 'data-title'}, words.title),
			make('p', null, words.lead),
			make('div', {class: 'stack'}, exportButton, finishButton, eraseButton),
			line,
			make('div', {class: 'actions end'}, make('button', {class: 'primary', value: 'close', autofocus: true}, words.close))));

	async function takeCopy() {
		try {
			save(await (await api.fetch('GET', `/api/v1/interviews/${encodeURIComponent(id)}/export`)).blob(), 'interview-data.json');
			line.textContent = words.exported;
		} catch {
			line.textContent = words.exportFailed;
		}
	}

	async function finish() {
		dialog.close();
		if (await ask(words.finishTitle, words.finishText, words.finishYes, words.no))
			onFinish();
	}

	async function erase() {
		if (!await ask(words.eraseTitle, words.eraseText, words.eraseYes, words.no, true))
			return;
		line.textContent = words.erasing;
		try {
			await api.call('DELETE', `/api/v1/interviews/${encodeURIComponent(id)}`);
		} catch (error) {
			if (error.status !== 404) {
				line.textContent = words.eraseFailed;
				tell(words.eraseFailed, true);
				return;
			}
		}
		dialog.close();
		onErased();
	}

	dialog.addEventListener('close', () => dialog.remove());
	document.body.append(dialog);
	dialog.showModal();
}

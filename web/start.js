// SPDX-License-Identifier: Apache-2.0
//
// The start page, /: whoever hosts the platform starts an interview by hand and gets the candidate's link.

import {Api, ApiError} from './api.js';
import {frame, make, show, tell} from './dom.js';
import {text} from './strings.js';

const words = text.start;
// A start that is sent again after a lost answer must not make a second interview; one of other members must.
let idempotencyKey = newKey();
let keyedBody = '';

function newKey() {
	return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function field(name, label, hint, attributes) {
	const input = make('input', {id: name, name, 'aria-describedby': `${name}-hint ${name}-problem`, ...attributes});
	return make('div', {class: 'field'},
		make('label', {for: name}, label), input,
		make('p', {class: 'hint', id: `${name}-hint`}, hint),
		make('p', {class: 'problem', id: `${name}-problem`, role: 'alert', hidden: true}));
}

function choice(type, name, value, label, hint, isChecked, isOff = false) {
	return make('label', {class: 'choice'},
		make('input', {type, name, value, checked: isChecked, disabled: isOff}),
		make('span', null, make('strong', null, label), hint && make('span', {class: 'hint'}, hint)));
}

// Which field a member of the API's request comes from.
const FIELDS = {user_id: 'user', question_set: 'set', total_questions: 'total'};

function showForm(values = {}) {
	const problem = make('p', {class: 'problem', role: 'alert', hidden: true});
	const go = make('button', {class: 'primary', type: 'submit'}, words.go);
	const consents = make('fieldset', null,
		make('legend', null, words.consent),
		choice('checkbox', 'emotion', 'yes', words.emotion, null, false),
		choice('checkbox', 'recording', 'yes', words.recording, null, false, true),
		make('p', {class: 'hint'}, words.consentHint));
	const form = make('form', {class: 'card form', novalidate: true, autocomplete: 'off', on: {submit, input: follow}},
		field('key', words.key, words.keyHint, {type: 'password', autocomplete: 'off', spellcheck: 'false', value: values.key}),
		field('user', words.name, words.nameHint, {type: 'text', maxlength: 128, required: true}),
		make('div', {class: 'pair'},
			field('set', words.set, words.setHint, {type: 'text', maxlength: 64, value: values.set ?? 'default', spellcheck: 'false'}),
			field('total', words.total, words.totalHint, {type: 'number', min: 1, max: 50, inputmode: 'numeric'})),
		make('fieldset', null, make('legend', null, words.mode),
			choice('radio', 'mode', 'practice', words.practice, words.practiceHint, true),
			choice('radio', 'mode', 'recruitment', words.recruitment, words.recruitmentHint, false)),
		consents,
		problem,
		make('div', {class: 'actions'}, go));

	// In recruitment there is nothing to agree to; keeping pictures needs their analysis.
	function follow() {
		const {mode, emotion, recording} = form.elements;
		consents.hidden = mode.value === 'recruitment';
		recording.disabled = !emotion.checked;
		recording.checked = recording.checked && emotion.checked;
	}

	function complain(error) {
		const name = error.status === 401 || error.status === 403 ? 'key' : FIELDS[error.field];
		const place = name ? form.querySelector(`#${name}-problem`) : problem;
		place.textContent = name === 'key' ? words.wrongKey : error.message;
		place.hidden = false;
		form.elements[name]?.setAttribute('aria-invalid', 'true');
		form.elements[name]?.focus();
	}

	async function submit(event) {
		event.preventDefault();
		for (const place of form.querySelectorAll('.problem'))
			place.hidden = true;
		for (const input of form.querySelectorAll('[aria-invalid]'))
			input.removeAttribute('aria-invalid');
		const {key, user, set, total, mode, emotion, recording} = form.elements;
		const isPractice = mode.value === 'practice';
		const body = {user_id: user.value.trim(), mode: mode.value,
			consent: {emotion_analysis: isPractice && emotion.checked, recording: isPractice && recording.checked}};
		if (set.value.trim())
			body.question_set = set.value.trim();
		if (total.value)
			body.total_questions = total.valueAsNumber;
		if (JSON.stringify(body) !== keyedBody) {
			keyedBody = JSON.stringify(body);
			idempotencyKey = newKey();
		}
		go.disabled = true;
		go.textContent = words.going;
		try {
			const started = await new Api(key.value.trim()).call('POST', '/api/v1/interviews/start',
				{body, headers: {'Idempotency-Key': idempotencyKey}});
			showLink(started, body.user_id, {key: key.value, set: set.value});
		} catch (error) {
			// Another try may be another interview.
			if (!(error instanceof ApiError) || !error.mayPass)
				idempotencyKey = newKey();
			go.disabled = false;
			go.textContent = words.go;
			complain(error);
		}
	}

	show(words.title, make('div', {class: 'column'},
		make('h1', null, words.title), make('p', {class: 'lead'}, words.lead), form));
}

function showLink({id, token}, name, values) {
	idempotencyKey = newKey();
	const link = `${location.origin}/interview/${id}#token=${token}`;
	const box = make('textarea', {id: 'link', readonly: true, rows: 6, spellcheck: 'false', class: 'link',
		on: {focus: () => box.select()}});
	box.value = link;

	async function copy() {
		box.select();
		try {
			await navigator.clipboard.writeText(link);
		} catch {
			document.execCommand('copy');  // where the clipboard is only for pages that came over https
		}
		copyButton.textContent = words.copied;
		tell(words.copied);
	}
	const copyButton = make('button', {class: 'primary', type: 'button', on: {click: copy}}, words.copy);

	show(words.ready, make('div', {class: 'column'},
		make('h1', null, words.ready),
		make('p', {class: 'lead'}, words.readyText(name)),
		make('div', {class: 'card form'},
			make('div', {class: 'field'}, make('label', {for: 'link'}, words.link), box),
			make('div', {class: 'actions'}, copyButton,
				make('a', {class: 'button quiet', href: link, target: '_blank', rel: 'noopener noreferrer'}, words.open),
				make('button', {class: 'quiet', type: 'button', on: {click: () => showForm(values)}}, words.another)))));
}

frame(text.brand);
showForm();

// SPDX-License-Identifier: Apache-2.0
//
// Elements, made without markup: a text can't become anything but text.

// make("button", {class: "primary", on: {click: go}}, "Go", …). An attribute that is null or false is left out; children
// that are null or false, too.
export function make(tag, attributes, ...children) {
	const element = document.createElement(tag);
	fill(element, attributes, children);
	return element;
}

export function makeSvg(tag, attributes, ...children) {
	const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
	fill(element, attributes, children);
	return element;
}

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (name === 'on')
			for (const [event, handler] of Object.entries(value))
				element.addEventListener(event, handler);
		else if (value !== null && value !== undefined && value !== false)
			element.setAttribute(name, value === true ? '' : value);
	}
	element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

// What screen readers are told without the focus moving. The regions exist before the first word, else it isn't spoken.
const polite = make('div', {class: 'unseen', role: 'status', 'aria-live': 'polite'});
const urgent = make('div', {class: 'unseen', role: 'alert', 'aria-live': 'assertive'});

export function tell(sentence, isUrgent = false) {
	const region = isUrgent ? urgent : polite;
	region.textContent = '';
	// In a later task, so that the same sentence twice is a change, too.
	setTimeout(() => { region.textContent = sentence; }, 50);
}

const main = make('main', {id: 'main', tabindex: '-1'});

// The page's frame: header with the name and what `aside` brings, the main part, the live regions.
export function frame(name, ...aside) {
	document.body.replaceChildren(
		make('header', {class: 'top'},
			make('span', {class: 'brand'}, make('img', {src: '/web/icon.svg', alt: '', width: 28, height: 28}), name),
			...aside),
		main, polite, urgent);
}

// Shows a screen in place of the one before. The focus goes to its heading, so that a screen reader begins there.
export function show(title, ...content) {
	document.title = title;
	main.replaceChildren(...content);
	window.scrollTo(0, 0);
	const heading = main.querySelector('h1');
	if (heading) {
		heading.tabIndex = -1;
		heading.focus({preventScroll: true});
	}
}

// A bar of `share` (0–1) with its label and figure.
export function bar(label, share, figure) {
	const fillElement = make('span', {class: 'fill'});
	fillElement.style.inlineSize = `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`;
	return make('div', {class: 'bar'},
		make('span', {class: 'bar-label'}, label),
		make('span', {class: 'track', 'aria-hidden': 'true'}, fillElement),
		make('span', {class: 'bar-figure'}, figure));
}

// Asks in a dialog; true when agreed to. Escape and the second button say no.
export function ask(title, text, yes, no, isDangerous = false) {
	return new Promise((resolve) => {
		const dialog = make('dialog', {'aria-labelledby': 'ask-title', 'aria-describedby': 'ask-text'},
			make('form', {method: 'dialog'},
				make('h2', {id: 'ask-title'}, title),
				make('p', {id: 'ask-text'}, text),
				make('div', {class: 'actions'},
					make('button', {value: 'no', class: 'quiet', autofocus: true}, no),
					make('button', {value: 'yes', class: isDangerous ? 'danger' : 'primary'}, yes))));
		dialog.addEventListener('close', () => {
			dialog.remove();
			resolve(dialog.returnValue === 'yes');
		});
		document.body.append(dialog);
		dialog.showModal();
	});
}

// Hands a file to the browser to keep.
export function save(blob, name) {
	const url = URL.createObjectURL(blob);
	const link = make('a', {href: url, download: name});
	document.body.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(url), 60000);
}

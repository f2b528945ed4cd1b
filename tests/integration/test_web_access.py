# SPDX-License-Identifier: Apache-2.0
"""The web pages for everyone: names for screen readers, contrast, small screens."""

import pytest

# What is wrong with the page as it is now, as sentences.
AUDIT = r"""() => {
	const wrong = [];
	const visible = (element) => element.checkVisibility({visibilityProperty: true}) && !element.closest('.unseen');
	const describe = (element) => `${element.tagName.toLowerCase()}.${element.className} "${(element.textContent || '').trim().slice(0, 40)}"`;
	const all = [...document.body.querySelectorAll('*')].filter(visible);

	const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
	for (const id of ids.filter((id, index) => ids.indexOf(id) !== index))
		wrong.push(`the id ${id} is there twice`);
	for (const element of document.querySelectorAll('[aria-describedby], [aria-labelledby]'))
		for (const name of ['aria-describedby', 'aria-labelledby'])
			for (const id of (element.getAttribute(name) ?? '').split(' ').filter(Boolean))
				if (!ids.includes(id))
					wrong.push(`${describe(element)} refers to ${id}, which is not there`);
	if (!document.documentElement.lang || !document.title)
		wrong.push('the page has no language or no title');
	if (document.querySelectorAll('main').length !== 1 || all.filter((element) => element.tagName === 'H1').length !== 1)
		wrong.push('the page has not one main part and one heading');
	if (document.querySelectorAll('[aria-live]').length < 2)
		wrong.push('the page has no live regions');

	for (const element of all.filter((element) => element.matches('button, a, input, textarea, summary, select'))) {
		const label = element.labels?.length ? [...element.labels].map((one) => one.textContent).join('') : '';
		const name = element.getAttribute('aria-label') || label || (element.matches('input, textarea') ? '' : element.textContent);
		if (!name.trim())
			wrong.push(`${describe(element)} has no name`);
		const box = element.getBoundingClientRect();
		const target = element.closest('label')?.getBoundingClientRect() ?? box;
		if (Math.max(box.height, target.height) < 24 || Math.max(box.width, target.width) < 24)
			wrong.push(`${describe(element)} is too small to hit`);
	}
	for (const image of all.filter((element) => element.tagName === 'IMG' && !element.hasAttribute('alt')))
		wrong.push(`${describe(image)} has no alt`);
	if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
		wrong.push(`the page is wider than the screen: ${document.documentElement.scrollWidth}`);

	// WCAG 2: relative luminance and contrast.
	const channels = (color) => color.match(/[\d.]+/g).map(Number);
	const luminance = ([r, g, b]) => [r, g, b].map((value) => value / 255)
		.map((value) => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4)
		.reduce((sum, value, index) => sum + value * [.2126, .7152, .0722][index], 0);
	const ground = (element) => {
		for (let at = element; at; at = at.parentElement) {
			const color = channels(getComputedStyle(at).backgroundColor);
			if (color.length === 3 || color[3] > .5)
				return color;
		}
		return [255, 255, 255];
	};
	for (const element of all) {
		const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
		if (!hasText || element.closest(':disabled, .choice:has(:disabled)'))
			continue;
		const style = getComputedStyle(element);
		const [lighter, darker] = [luminance(channels(style.color)), luminance(ground(element))].sort((a, b) => b - a);
		const contrast = (lighter + .05) / (darker + .05);
		const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
		if (contrast < (isLarge ? 3 : 4.5))
			wrong.push(`${describe(element)} has a contrast of ${contrast.toFixed(2)}`);
	}
	return wrong;
}"""

# The tests' scripts are no part of the page, whose policy forbids them; so it is put aside.
LOOKS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "small phone in the dark": {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark", "has_touch": True},
}


@pytest.mark.parametrize("look", LOOKS)
def test_each_screen_can_be_read_and_used_by_everyone(browser, rest, look):
    interview = rest.start(total_questions=1)
    with browser.visitor(bypass_csp=True, reduced_motion="reduce", **LOOKS[look]) as person:
        wrong = {}

        def audit(screen):
            wrong[screen] = person.page.evaluate(AUDIT)

        person.page.goto(f"{rest.url}/")
        person.heading("Start an interview")
        person.press("Start the interview")
        person.see("This platform wants its API key")
        audit("start")
        person.open(interview)
        person.heading("Welcome to your practice interview")
        audit("welcome")
        person.press("Go on to the camera")
        person.see("You can be seen well.")
        audit("check")
        person.press("Start the interview")
        person.question(1, 1)
        person.press("Send answer")
        person.see("Please write or say something first")
        audit("question")
        person.press("Your data")
        audit("data")
        person.press("Close")
        person.answer("I planned the work and measured what it cost, for example in hours.")
        person.see("How your answer was read")
        person.page.get_by_text("What a full answer holds").click()
        audit("analysis")
        person.press("See the result")
        person.heading("Your result")
        audit("result")
        assert wrong == {screen: [] for screen in wrong}

// SPDX-License-Identifier: Apache-2.0
//
// Every word that the pages say.

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export const text = {
	brand: 'Viva',
	error: {
		unknown: 'Something went wrong.',
		offline: 'No connection to the server.',
	},

	broken: {
		title: 'This link does not open an interview',
		noToken: 'A part of the link is missing. Please use the whole link as you were given it, or ask for a new one.',
		gone: 'The interview is not there (any more), or the link is too old. Please ask whoever invited you for a new one.',
		failed: 'The interview can’t be loaded now.',
		again: 'Try again',
	},
	loading: 'Loading the interview…',

	welcome: {
		title: {practice: 'Welcome to your practice interview', recruitment: 'Welcome to your interview'},
		back: 'Welcome back',
		lead: (count) => `${plural(count, 'question', 'questions')}, one after the other. Take your time: you are not measured by how fast you type.`,
		backLead: (left, count) => `${plural(left, 'question', 'questions')} of ${count} to go. What you answered is safe.`,
		until: (moment) => `The interview is open until ${moment}.`,
		happens: 'What happens here',
		asked: 'You read a question and answer it in your own words. You can type, or speak where your browser can write down what you say.',
		answers: 'A program reads your answers: do they fit the question, are they clear, do they go into depth? It quotes your own words for what it says. It can be wrong.',
		answersPractice: 'After each answer you see how it was read.',
		answersRecruitment: 'People decide with its help; it does not decide. You can ask for a person to look at your answers.',
		cameraRecruitment: 'No camera. In interviews for a job, faces and feelings are never analysed here.',
		cameraNone: 'No camera. You did not agree to pictures being analysed, so none is taken.',
		camera: 'If you turn the camera on, a program looks at its pictures: face, expression, blinks, where you look. You see what it sees. By default it adds nothing to your score, and you can turn the camera off at any time or leave it off.',
		kept: 'You agreed that a few pictures are kept for the report, at most twelve.',
		notKept: 'Pictures are looked at and forgotten; none is kept.',
		sound: 'Sound is never recorded or sent here. If you choose to speak, only the written words are sent.',
		rights: 'Your rights',
		rightsText: 'Under “Your data” you can, at any time, see all that is kept about this interview and have it erased for good.',
		start: 'Start',
		goOn: 'Go on',
		toCamera: 'Go on to the camera',
		withoutCamera: 'Start without camera',
	},

	check: {
		title: 'Can you be seen well?',
		lead: 'Here you see what the camera sees. While it is on, its pictures are analysed.',
		again: 'Try again',
		asking: 'Your browser asks whether this page may use the camera…',
		looking: 'Looking for your face…',
		good: 'You can be seen well.',
		start: 'Start the interview',
		without: 'Go on without camera',
	},

	camera: {
		label: 'Picture of your camera',
		off: 'The camera is off.',
		turnOff: 'Turn camera off',
		turnOn: 'Turn camera on',
		hide: 'Hide my picture',
		unhide: 'Show my picture',
		hidden: 'Your picture is hidden from you; it is still analysed.',
		ended: 'The camera was turned off or unplugged.',
		seen: (emotion, attention) => `Seen: ${emotion}, attention ${attention} %`,
		unavailable: 'Pictures can’t be analysed just now. The interview goes on.',
		problems: {
			refused: 'The camera was not allowed. That is fine: the interview goes on without it. To use it after all, allow the camera for this page in your browser (often left of the address) and try again.',
			missing: 'No camera was found. The interview goes on without it.',
			busy: 'The camera can’t be used now; perhaps another program has it. The interview goes on without it.',
			insecure: 'Browsers give the camera only to pages that come over https. The interview goes on without it.',
		},
		emotions: {
			happy: 'happy', sad: 'sad', angry: 'angry', neutral: 'neutral', surprise: 'surprised', fear: 'afraid',
			disgust: 'disgusted', confident: 'confident',
		},
		noFace: 'No face is seen. Please sit in front of the camera.',
		manyFaces: 'Several faces are seen. Only you should be in the picture.',
	},

	question: {
		number: (number, total) => `Question ${number} of ${total}`,
		progress: (answered, total) => `${answered} of ${plural(total, 'question', 'questions')} answered`,
		categories: {introduction: 'Introduction', behavioural: 'Experience', technical: 'Knowledge', situational: 'Situation'},
		label: 'Your answer',
		placeholder: 'Write as you would speak. Reasons and examples help.',
		words: (count) => plural(count, 'word', 'words'),
		time: (clock) => `${clock} on this question`,
		left: (minutes) => `The interview ends in ${plural(minutes, 'minute', 'minutes')}.`,
		send: 'Send answer',
		sendHint: 'or Ctrl + Enter',
		sending: 'Sending…',
		waiting: 'No connection. Your answer is safe here and is sent as soon as it works again.',
		skip: 'Skip',
		skipTitle: 'Skip this question?',
		skipText: 'It is then unanswered, and can’t be answered later. That does not lower your score.',
		skipYes: 'Skip it',
		skipNo: 'Stay',
		empty: 'Please write or say something first, or skip the question.',
		sent: 'Your answer was taken.',
		late: 'The interview was over before this answer arrived.',
		elsewhere: 'This question was answered already, perhaps in another window.',
		refused: (reason) => `The answer was not taken: ${reason}`,
	},

	speech: {
		start: 'Speak',
		stop: 'Stop speaking',
		listening: 'Listening…',
		title: 'Speak your answer?',
		notice: 'Your browser writes down what you say. Many browsers send the sound to their vendor for that (Google, Apple or Microsoft, for example), under the vendor’s terms. This page never gets the sound, only the words. Speak English. You can correct the words before you send them.',
		noticeLocal: 'Your browser writes down what you say on this device; it says that no sound leaves it. This page gets only the words. Speak English. You can correct the words before you send them.',
		yes: 'Use speech',
		no: 'Keep typing',
		problems: {
			refused: 'The microphone was not allowed. You can type your answer.',
			missing: 'No microphone was found. You can type your answer.',
			network: 'Your browser can’t reach the service that writes down what you say. You can type your answer.',
			language: 'Your browser can’t write down English. You can type your answer.',
			busy: 'Speech can’t be used now. You can type your answer.',
		},
	},

	connection: {
		on: 'Connected',
		off: 'Connecting again…',
		lost: 'The connection is lost. It is tried again; nothing you wrote is lost.',
		back: 'The connection is back.',
		waiting: 'The server can’t be reached. It is tried again…',
	},

	analysis: {
		title: 'How your answer was read',
		later: 'Your answer is kept. Its analysis follows later.',
		notScorable: 'Not judged',
		relevance: 'Fits the question',
		clarity: 'Clear',
		depth: 'In depth',
		correctness: 'Right (estimate)',
		keywords: 'Key words',
		points: 'What a full answer holds',
		status: {covered: 'Covered', partly: 'Partly', not_found: 'Not found'},
		next: 'Next question',
		toResult: 'See the result',
		yours: 'Your answer',
		skipped: 'No answer',
	},

	result: {
		making: 'Your interview is being read…',
		makingText: 'This takes a few seconds.',
		slow: 'The score takes longer than usual. It comes by itself; you may also close this page and open the link again later.',
		title: {practice: 'Your result', recruitment: 'Thank you'},
		thanks: 'Your answers have arrived. That was all.',
		next: 'People decide about what comes next, with the help of a report. You can ask whoever invited you for a person to look at your answers, and to explain the result.',
		how: 'How your answers were read',
		of: 'of 100',
		overall: 'Overall',
		band: (low, high) => `With other questions it might have been ${low} to ${high}.`,
		technical: 'Content',
		communication: 'Communication',
		emotion: 'Expression',
		notScorable: 'There is no score: there were no answers that could be judged. That is not a bad score.',
		insights: 'What stood out',
		impact: {up: 'helped', down: 'held back', none: 'note'},
		answers: 'Your answers',
		judge: {
			local: 'Judged by a program on this platform. It can be wrong; a person has the last word.',
			llm: 'Judged with a language model. It can be wrong; a person has the last word.',
			mixed: 'Judged in part with a language model. It can be wrong; a person has the last word.',
		},
		report: 'Save the report (PDF)',
		reportFailed: 'The report can’t be made now. Please try again later.',
	},

	over: {
		expired: 'The time for this interview is over',
		expiredText: 'It ended before it was completed. Whoever invited you can start a new one.',
		erased: 'Everything was erased',
		erasedText: 'No answer, picture or score of this interview is left on the platform. You can close this page.',
	},

	data: {
		open: 'Your data',
		title: 'Your data',
		lead: 'All that the platform keeps about this interview is yours to see, and to have erased.',
		export: 'Save a copy (JSON)',
		exported: 'The copy was saved.',
		exportFailed: 'The copy can’t be made now. Please try again later.',
		finish: 'End the interview now',
		finishTitle: 'End the interview now?',
		finishText: 'What you answered so far counts; the questions that are left stay unanswered.',
		finishYes: 'End it',
		erase: 'Erase everything…',
		eraseTitle: 'Erase everything?',
		eraseText: 'All answers, pictures and scores of this interview are erased at once, for good. Nobody can bring them back, and the interview ends.',
		eraseYes: 'Erase everything',
		erasing: 'Erasing…',
		eraseFailed: 'It can’t be erased now. Please try again.',
		no: 'Cancel',
		close: 'Close',
	},

	start: {
		title: 'Start an interview',
		lead: 'Fill this in, and send the link to your candidate. Back ends do the same with one call of the API.',
		key: 'API key',
		keyHint: 'It was printed at the platform’s first start. It stays in this page’s memory only. Leave it empty if checks are switched off.',
		name: 'Name of the candidate',
		nameHint: 'Your own name or number for the person; it stands in the report.',
		set: 'Question set',
		setHint: 'Your platform’s sets: viva questions list',
		total: 'Number of questions',
		totalHint: 'Empty: as the set says.',
		mode: 'What is it for?',
		practice: 'Practice',
		practiceHint: 'The candidate sees how each answer is read, and may use the camera.',
		recruitment: 'Recruitment',
		recruitmentHint: 'For a job: no camera, ever.',
		consent: 'What the candidate has agreed to',
		emotion: 'Pictures of the camera may be analysed',
		recording: 'A few of them may be kept for the report',
		consentHint: 'Ask the person before you tick this. The page tells them, and the camera stays off until they turn it on.',
		go: 'Start the interview',
		going: 'Starting…',
		ready: 'The interview is ready',
		readyText: (name) => `This link opens it for ${name}. Whoever has it can answer in that name: send it to nobody else. It is shown only here.`,
		link: 'Link for the candidate',
		copy: 'Copy',
		copied: 'Copied.',
		open: 'Open here',
		another: 'Start another',
		wrongKey: 'This platform wants its API key; the one given is missing or wrong.',
	},
};

// The word for what the platform calls `name`; `otherwise` where there is none.
export function wordFor(words, name, otherwise) {
	return Object.hasOwn(words, name) ? words[name] : otherwise;
}

export function clock(seconds) {
	const whole = Math.max(0, Math.floor(seconds));
	return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

// "14:05"; of another day than `now` with its date.
export function moment(rfc3339, now = new Date()) {
	const time = new Date(rfc3339);
	const day = time.toDateString() === now.toDateString() ? {} : {weekday: 'long', day: 'numeric', month: 'long'};
	return time.toLocaleString('en', {...day, hour: '2-digit', minute: '2-digit', hourCycle: 'h23'});
}

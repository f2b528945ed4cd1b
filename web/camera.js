// SPDX-License-Identifier: Apache-2.0
//
// The camera, and its pictures' way over the live connection.

const WIDTH = 640;
const HEIGHT = 480;
const JPEG_QUALITY = 0.75;
// Blinks last 100 to 400 ms. At ten pictures a second nearly all of them are in one.
const PERIOD_MS = 100;
const SLOWEST_MS = 2000;
// The next picture is taken only when the last has mostly left: what waits is never old, and nothing piles up.
const MAX_BUFFERED_BYTES = 16 * 1024;

// Why there is no camera: a word of text.camera.problems.
function problemOf(error) {
	if (error?.name === 'NotAllowedError' || error?.name === 'SecurityError')
		return 'refused';
	if (error?.name === 'NotFoundError' || error?.name === 'OverconstrainedError')
		return 'missing';
	return 'busy';
}

function ask() {
	return navigator.mediaDevices.getUserMedia({
		audio: false,
		video: {facingMode: 'user', width: {ideal: WIDTH}, height: {ideal: HEIGHT}, frameRate: {ideal: 15}},
	});
}

function stopTracks(stream) {
	for (const track of stream?.getTracks() ?? [])
		track.stop();
}

export class Camera extends EventTarget {
	// Event: "ended" when the camera goes away by itself (unplugged, or the leave was taken back).
	constructor() {
		super();
		this.stream = null;
		this.isWanted = false;
		this.starting = null;
		this.canvas = document.createElement('canvas');
		this.video = document.createElement('video');
		this.video.muted = true;
		this.video.playsInline = true;
	}

	get isOn() {
		return this.stream !== null;
	}

	// '' or the problem. Who asks again while the browser still asks goes along: two streams would be one too many to stop.
	start() {
		this.isWanted = true;
		this.starting ??= this.begin().finally(() => { this.starting = null; });
		return this.starting;
	}

	async begin() {
		if (this.isOn)
			return '';
		if (!navigator.mediaDevices?.getUserMedia)
			return 'insecure';
		let stream;
		try {
			// Some cameras are too slow for the browser's patience when they wake up.
			stream = await ask().catch((error) => (error.name === 'AbortError' ? ask() : Promise.reject(error)));
		} catch (error) {
			return problemOf(error);
		}
		// Leave that comes after the camera was declined, or after the end, is for nothing any more.
		if (!this.isWanted) {
			stopTracks(stream);
			return '';
		}
		this.stream = stream;
		stream.getVideoTracks()[0]?.addEventListener('ended', () => {
			this.stop();
			this.dispatchEvent(new Event('ended'));
		});
		this.video.srcObject = stream;
		await this.video.play().catch(() => {});  // where playing by itself is forbidden, the first tap starts it
		return '';
	}

	stop() {
		this.isWanted = false;
		stopTracks(this.stream);
		this.stream = null;
		this.video.srcObject = null;
	}

	// The picture of now as a JPEG; null while there is none.
	picture() {
		const {videoWidth, videoHeight} = this.video;
		if (!this.isOn || !videoWidth || this.video.readyState < 2)
			return Promise.resolve(null);
		const scale = Math.min(1, WIDTH / Math.max(videoWidth, videoHeight));
		this.canvas.width = Math.round(videoWidth * scale);
		this.canvas.height = Math.round(videoHeight * scale);
		this.canvas.getContext('2d').drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
		return new Promise((resolve) => { this.canvas.toBlob(resolve, 'image/jpeg', JPEG_QUALITY); });
	}
}

async function toBase64(blob) {
	const bytes = new Uint8Array(await blob.arrayBuffer());
	let binary = '';
	for (let at = 0; at < bytes.length; at += 0x8000)
		binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
	return btoa(binary);
}

// Sends pictures while the camera is on, the connection takes them and the page is looked at.
export class Pictures {
	constructor(id, camera, live, clock) {
		this.id = id;
		this.camera = camera;
		this.live = live;
		this.clock = clock;
		this.periodMs = PERIOD_MS;
		this.sent = 0;
		this.timer = null;
	}

	start() {
		if (this.timer === null)
			this.schedule(0);
	}

	stop() {
		clearTimeout(this.timer);
		this.timer = null;
	}

	// The platform has too much to do, or less again.
	slower() { this.periodMs = Math.min(this.periodMs * 2, SLOWEST_MS); }
	faster() { this.periodMs = Math.max(this.periodMs * 0.9, PERIOD_MS); }

	schedule(milliseconds) {
		this.timer = setTimeout(() => this.turn(), milliseconds);
	}

	async turn() {
		const began = performance.now();
		if (this.maySend()) {
			const timestamp = Math.round(this.clock());
			const blob = await this.camera.picture();
			const image = blob && await toBase64(blob);
			if (image && this.timer !== null && this.maySend()) {
				this.live.send('frame', {session_id: this.id, timestamp, image});
				this.sent++;
			}
		}
		if (this.timer !== null)
			this.schedule(Math.max(0, this.periodMs - (performance.now() - began)));
	}

	maySend() {
		return this.camera.isOn && this.live.isOpen && !document.hidden && this.live.bufferedBytes < MAX_BUFFERED_BYTES;
	}
}

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What others see of the same frames, for ./dev bench vision: `vision_peers.py WHO FOLDER FPS [MODEL]`, in the environment of
vision_peers.txt. WHO is facemesh, landmarker or haar. For each line on stdin it goes through the frames once, from JPEG to result, and
writes {"ms": of each frame, "cpu_ms": of the processor, all frames together, "faces": frames with a face, "rss_mb": now}; for the line "points" also the points of each frame in pixels.
"""
import json
import os
import pathlib
import sys
import time

os.environ.setdefault("GLOG_minloglevel", "3")
import cv2  # noqa: E402
import numpy as np  # noqa: E402


class FaceMesh:
    """MediaPipe's FaceMesh, following one face, with its attention model: refined eyes, irises and lips."""

    def __init__(self, fps, model):
        import mediapipe

        self.mesh = mediapipe.solutions.face_mesh.FaceMesh(
            static_image_mode=False, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.5, min_tracking_confidence=0.5)

    def __call__(self, picture):
        found = self.mesh.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).multi_face_landmarks
        return found[0].landmark if found else None


class Landmarker:
    """MediaPipe's FaceLandmarker of the tasks API, on video, with blendshapes, from which looks would be read."""

    def __init__(self, fps, model):
        import mediapipe

        self.mediapipe = mediapipe
        tasks = mediapipe.tasks
        self.landmarker = tasks.vision.FaceLandmarker.create_from_options(tasks.vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=model), running_mode=tasks.vision.RunningMode.VIDEO, num_faces=1,
            output_face_blendshapes=True))
        self.time_ms = 0.
        self.step_ms = 1000 / fps

    def __call__(self, picture):
        self.time_ms += self.step_ms
        image = self.mediapipe.Image(image_format=self.mediapipe.ImageFormat.SRGB, data=cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
        found = self.landmarker.detect_for_video(image, int(self.time_ms)).face_landmarks
        return found[0] if found else None


class Haar:
    """OpenCV's Haar cascade for frontal faces: boxes only."""

    def __init__(self, fps, model):
        cv2.setNumThreads(1)
        self.cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def __call__(self, picture):
        found = self.cascade.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 1.1, 5)
        return [] if len(found) else None


def rss_mb():
    line = next(line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def go_through(see, frames, with_points):
    times, points = [], []
    began = time.process_time()
    for frame in frames:
        begin = time.perf_counter()
        picture = cv2.imdecode(frame, cv2.IMREAD_COLOR)
        found = see(picture)
        times.append((time.perf_counter() - begin) * 1000)
        if with_points:
            height, width = picture.shape[:2]
            points.append(None if found is None else [(mark.x * width, mark.y * height) for mark in found])
        elif found is not None:
            points.append(True)
    cpu_ms = (time.process_time() - began) * 1000
    faces = sum(point is not None for point in points)
    return {"ms": times, "cpu_ms": cpu_ms, "faces": faces, "rss_mb": rss_mb()} | ({"points": points} if with_points else {})


def main():
    who, folder, fps, *model = sys.argv[1:]
    frames = [np.fromfile(path, np.uint8) for path in sorted(pathlib.Path(folder).iterdir()) if path.suffix in (".jpg", ".png")]
    see = {"facemesh": FaceMesh, "landmarker": Landmarker, "haar": Haar}[who](float(fps), *(model or [None]))
    for line in sys.stdin:
        print(json.dumps(go_through(see, frames, line.strip() == "points")), flush=True)


if __name__ == "__main__":
    main()

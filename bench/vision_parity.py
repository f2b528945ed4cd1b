# SPDX-License-Identifier: Apache-2.0
"""How far Viva's points are from those that MediaPipe's own runtime finds in the same frames."""
import json
import math
import subprocess

FACE_PIXELS = 276  # the width that distances are told for
# Numbers in MediaPipe's 478 points of what is refined (face_landmarks_refinement: attention mesh), in the order of Viva's.
RIGHT_LIDS = [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173]
LEFT_LIDS = [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398]
LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
        78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
        76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
        62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407]
# About the eyes MediaPipe refines more points than lids; Viva has those from the plain mesh.
ABOUT_RIGHT_EYE = [130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244,
                   113, 225, 224, 223, 222, 221, 189, 35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245,
                   156, 70, 63, 105, 66, 107, 55, 193]
ABOUT_LEFT_EYE = [359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452,
                  453, 464, 342, 445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357,
                  465, 383, 300, 293, 334, 296, 336, 285, 417]


def groups_of(points):
    """{group: [(number in MediaPipe's points, Viva's x, y)]}"""
    lids = list(zip(RIGHT_LIDS, points["right_lids"])) + list(zip(LEFT_LIDS, points["left_lids"]))
    irises = list(zip(range(468, 473), points["right_iris"])) + list(zip(range(473, 478), points["left_iris"]))
    about_eyes = {*ABOUT_RIGHT_EYE, *ABOUT_LEFT_EYE}
    refined = {*RIGHT_LIDS, *LEFT_LIDS, *LIPS, *about_eyes}
    mesh = [(number, point[:2]) for number, point in enumerate(points["mesh"])]
    return {"mesh": [pair for pair in mesh if pair[0] not in refined], "lids": lids, "irises": irises,
            "lips": list(zip(LIPS, points["lips"])), "about the eyes": [pair for pair in mesh if pair[0] in about_eyes]}


def measure(viva, mediapipe, folder):
    """Mean distances in pixels of a face 276 pixels wide, for each group and for all; the mean offset in x and y of all; and the worst
    frame's mean. `mediapipe` is a contender that knows the word "points"."""
    mediapipe.begin("points")
    theirs = mediapipe.end()["points"]
    done = subprocess.run([viva, "analyze", folder, "--json", "--points"], check=True, capture_output=True, text=True)
    ours = [json.loads(line).get("points") for line in done.stdout.splitlines()][: len(theirs)]
    sums, worst, frames = {}, 0, 0
    offset = [0., 0.]
    for mine, other in zip(ours, theirs):
        if mine is None or other is None:
            continue
        frames += 1
        across = [x for x, _ in other[:468]]
        scale = FACE_PIXELS / (max(across) - min(across))
        distances = []
        for group, pairs in groups_of(mine).items():
            for number, (x, y) in pairs:
                dx, dy = (x - other[number][0]) * scale, (y - other[number][1]) * scale
                offset[0] += dx
                offset[1] += dy
                distances.append(math.hypot(dx, dy))
                total = sums.setdefault(group, [0., 0])
                total[0] += distances[-1]
                total[1] += 1
        worst = max(worst, sum(distances) / len(distances))
    if frames == 0:
        return {"frames": 0}
    count = sum(number for _, number in sums.values())
    return {"frames": frames, "all": sum(total for total, _ in sums.values()) / count, "worst_frame": worst,
            "offset": [offset[0] / count, offset[1] / count], **{group: total / number for group, (total, number) in sums.items()}}


def show(parity):
    if parity["frames"] == 0:
        print("Points: no frame in which both find a face.")
        return
    groups = ", ".join(f"{group} {parity[group]:.2f}" for group in ("mesh", "lids", "irises", "lips", "about the eyes"))
    print(f"Points, from MediaPipe's own, in pixels of a face {FACE_PIXELS} wide, {parity['frames']} frames: mean {parity['all']:.2f} ({groups}); "
          f"worst frame {parity['worst_frame']:.2f}; offset {parity['offset'][0]:+.2f}, {parity['offset'][1]:+.2f}")

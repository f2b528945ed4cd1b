// SPDX-License-Identifier: Apache-2.0
#include "interview/updates.h"

#include <math.h>
#include <string.h>

#include "viva_test.h"

static void assert_json(json_t *json, const char *expected)
{
	assert_non_null(json);
	char *text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void test_updates__a_response_becomes_an_update_that_rounds_and_survives_what_json_cannot_say(void **state)
{
	(void)state;
	Emotion__BoundingBox box = EMOTION__BOUNDING_BOX__INIT;
	box.x = 1, box.y = 2, box.width = 30, box.height = 40;
	Emotion__FaceMetrics face = EMOTION__FACE_METRICS__INIT;
	face.detected = true;
	face.bounding_box = &box;
	Emotion__BlinkMetrics blinks = EMOTION__BLINK_METRICS__INIT;
	blinks.count = 7;
	Emotion__EmotionResponse response = EMOTION__EMOTION_RESPONSE__INIT;
	response.emotion = (char[]){"happy"};
	response.confidence = 0.87F;
	response.timestamp = INT64_C(1795491000123);
	response.face_metrics = &face;
	response.blink_metrics = &blinks;
	response.attention = NAN;
	Emotion__HeadPose pose = EMOTION__HEAD_POSE__INIT;
	pose.yaw = -3.5F, pose.pitch = NAN, pose.roll = .25F;
	response.head_pose = &pose;
	Emotion__Gaze gaze = EMOTION__GAZE__INIT;
	gaze.yaw = 12.5F;
	response.gaze = &gaze;
	response.face_count = 1;
	response.hint = (char[]){"too_dark"};
	struct interview_sighting sighting = interview_sighting_of_response(&response);
	assert_true(sighting.has_face);
	assert_json(interview_sighting_json(&sighting),
		    "{\"emotion\":\"happy\",\"confidence\":0.87,\"timestamp\":1795491000123,"
		    "\"face\":{\"x\":1,\"y\":2,\"width\":30,\"height\":40},\"blink_count\":7,\"attention\":0.0,"
		    "\"face_count\":1,\"head_pose\":{\"yaw\":-3.5,\"pitch\":0.0,\"roll\":0.25},"
		    "\"gaze\":{\"yaw\":12.5,\"pitch\":0.0},\"hint\":\"too_dark\"}");
	assert_true(strlen(sighting.hint->message) > 10);
}

static void test_updates__an_empty_response_shows_no_face(void **state)
{
	(void)state;
	Emotion__EmotionResponse response = EMOTION__EMOTION_RESPONSE__INIT;
	struct interview_sighting sighting = interview_sighting_of_response(&response);
	assert_false(sighting.has_face);
	assert_false(sighting.has_box);
}

static struct interview_sighting sighting_of(const char *metadata)
{
	VIVA_AUTO_JSON json = json_loads(metadata, 0, NULL);
	assert_non_null(json);
	const struct viva_emotion_analyzed event = {.session_id = "s",
						    .timestamp_ms = 1795491000123,
						    .emotion = "neutral",
						    .confidence = .5,
						    .blink_count = INT64_C(5000000000),
						    .metadata = json};
	return interview_sighting_of_event(&event);
}

static void test_updates__an_event_makes_the_same_update_as_a_response(void **state)
{
	(void)state;
	struct interview_sighting sighting =
		sighting_of("{\"frame_number\":3,\"face_detected\":true,\"source\":\"queue\",\"attention\":0.75,"
			    "\"face_count\":2,\"face\":{\"x\":1,\"y\":-2,\"width\":30,\"height\":40},"
			    "\"head_pose\":{\"yaw\":10,\"pitch\":-2.5,\"roll\":1},\"gaze\":{\"yaw\":4,\"pitch\":5},"
			    "\"hint\":\"turned_away\"}");
	assert_true(sighting.has_face);
	assert_int_equal(sighting.face_count, 2);
	assert_json(interview_sighting_json(&sighting),
		    "{\"emotion\":\"neutral\",\"confidence\":0.5,\"timestamp\":1795491000123,"
		    "\"face\":{\"x\":1,\"y\":-2,\"width\":30,\"height\":40},\"blink_count\":5000000000,"
		    "\"attention\":0.75,\"face_count\":2,\"head_pose\":{\"yaw\":10.0,\"pitch\":-2.5,\"roll\":1.0},"
		    "\"gaze\":{\"yaw\":4.0,\"pitch\":5.0},\"hint\":\"turned_away\"}");
}

static void test_updates__metadata_may_lack_anything_or_hold_nonsense(void **state)
{
	(void)state;
	struct interview_sighting sighting = sighting_of("{}");
	assert_false(sighting.has_face);
	sighting = sighting_of("{\"face_detected\":true}");
	assert_true(sighting.has_face);
	assert_json(interview_sighting_json(&sighting),
		    "{\"emotion\":\"neutral\",\"confidence\":0.5,\"timestamp\":1795491000123,\"face\":null,"
		    "\"blink_count\":5000000000,\"attention\":0.0,\"face_count\":0,\"head_pose\":null,\"gaze\":null,"
		    "\"hint\":\"\"}");
	sighting = sighting_of("{\"face_detected\":\"yes\",\"face\":[1],\"attention\":7,\"face_count\":1e300,"
			       "\"hint\":\"<b>\",\"head_pose\":7,\"gaze\":{}}");
	assert_string_equal(sighting.hint->code, "");
	assert_false(sighting.has_pose || sighting.has_gaze);
	assert_false(sighting.has_face);
	assert_int_equal(sighting.face_count, 0);
	assert_true(sighting.attention == 0);
	sighting = sighting_of("{\"face_detected\":true,\"face\":{\"x\":\"a\",\"y\":99999999999}}");
	assert_true(sighting.has_box);
	assert_int_equal(sighting.x, 0);
	assert_int_equal(sighting.y, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_updates__a_response_becomes_an_update_that_rounds_and_survives_what_json_cannot_say),
		cmocka_unit_test(test_updates__an_empty_response_shows_no_face),
		cmocka_unit_test(test_updates__an_event_makes_the_same_update_as_a_response),
		cmocka_unit_test(test_updates__metadata_may_lack_anything_or_hold_nonsense),
	};
	return cmocka_run_group_tests_name("interview/updates", tests, NULL, NULL);
}

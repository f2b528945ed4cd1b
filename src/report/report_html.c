// SPDX-License-Identifier: Apache-2.0
#include "report/report_html.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "report/html_parts.h"
#include "report/report_text.h"

static const char STYLE[] =
	":root{--ink:#1a2130;--grey:#5b6675;--line:#d4dae3;--pale:#f3f5f8;--blue:#1c4f99;--blue-pale:#cddff3;"
	"--green:#14703f;--amber:#96600a;--red:#a82929;--page:#fff;color-scheme:light dark}"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--grey:#a2adba;--line:#39434f;--pale:#1b222b;"
	"--blue:#7fb0f0;--blue-pale:#2c486b;--green:#5fc78f;--amber:#e0a94c;--red:#f08a8a;--page:#12171d}}"
	"*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
	"font:16px/1.55 \"Noto Sans\",system-ui,sans-serif;overflow-wrap:anywhere}"
	"main{max-width:52rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}"
	"h1{font-size:2rem;line-height:1.2;margin:.1em 0}h2{font-size:1.2rem;margin:2.6rem 0 "
	".9rem;padding-bottom:.35rem;"
	"border-bottom:1px solid var(--line)}h3{font-size:1.05rem;margin:0}p{margin:.5rem 0}"
	".kicker{color:var(--blue);font-weight:600;margin:0}.meta,.small,.quote{color:var(--grey)}.small,.quote{font-"
	"size:.87rem}"
	".card{background:var(--pale);border-radius:10px;padding:1.25rem 1.5rem;margin:1.4rem 0 "
	"1rem;display:flex;gap:2rem;"
	"align-items:center;flex-wrap:wrap}.figure{font-size:3.6rem;font-weight:700;line-height:1;color:var(--blue)}"
	".bars{flex:1 1 20rem}.bar{display:grid;grid-template-columns:8.5rem 1fr 2.5rem;gap:.75rem;align-items:center;"
	"margin:.35rem 0}.bar svg{width:100%;height:14px;display:block}.bar b{text-align:right}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem "
	"1.25rem;margin:0}dt{font-weight:600}dd{margin:0}"
	".insight{display:grid;grid-template-columns:5.5rem 1fr;gap:.9rem;margin:.6rem 0}.insight p{margin:0}"
	".impact{font-weight:600;text-align:right}.up{color:var(--green)}.down{color:var(--red)}.level{color:var(--"
	"grey)}"
	"table{border-collapse:collapse;width:100%}th{font-weight:400;font-size:.82rem;color:var(--grey);text-align:"
	"left}"
	"td,th{padding:.4rem .5rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top}"
	"th:first-child{white-space:nowrap}"
	".number{text-align:right;white-space:nowrap}article{margin:2rem 0}"
	"blockquote{margin:.7rem 0;padding:.1rem 0 .1rem 1rem;border-inline-start:3px solid "
	"var(--blue-pale);white-space:pre-line}"
	"ul{margin:.4rem 0;padding-inline-start:1.2rem}.points{list-style:none;padding:0;margin:.8rem 0}"
	".points li{display:grid;grid-template-columns:6.5rem 1fr;gap:.75rem;margin:.5rem 0}.points p{margin:0}"
	".status{font-weight:600}.status::before{display:inline-block;width:1.3em}"
	".covered{color:var(--green)}.covered::before{content:\"●\"}.partly{color:var(--amber)}.partly::before{content:"
	"\"◐\"}"
	".not_found{color:var(--grey)}.not_found::before{content:\"○\"}.unscored{color:var(--amber);font-weight:600}"
	".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem}"
	".tile{background:var(--pale);border-radius:8px;padding:.7rem .8rem}.tile b{font-size:1.5rem;display:block}"
	".tile span{display:block;font-size:.82rem}.tile "
	".small{font-size:.78rem}.strip{width:100%;height:auto;display:block}"
	".track{fill:var(--line)}.fill,.mark{fill:var(--blue)}.band{fill:var(--blue-pale)}.ground{fill:var(--pale)}"
	".tick{stroke:var(--ink);stroke-width:1}.scale{display:flex;justify-content:space-between}"
	".legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;padding:0}"
	".legend svg{width:.75rem;height:.75rem;margin-inline-end:.4rem;vertical-align:-.05rem}"
	".sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr));gap:1rem}"
	".sheet figure{margin:0}.sheet img{width:100%;height:auto;display:block;border-radius:6px}"
	".sheet figcaption{margin-top:.35rem}"
	"@media print{main{padding:0}h2,h3,.tile,.insight,.points li,figure{break-inside:avoid;break-after:avoid}}";

enum { DIGEST_BYTES = 32 };

int viva_report_html_policy(char ret_policy[256])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	char text[64] = "";
	if (!EVP_Digest(STYLE, strlen(STYLE), digest, &size, EVP_sha256(), NULL) || size != DIGEST_BYTES)
		return VIVA_ENOMEM;
	viva_base64_encode(digest, size, text);
	text[viva_base64_encoded_size(size)] = '\0';
	snprintf(ret_policy, 256,
		 "default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'", text);
	return 0;
}

void html_put(struct html *html, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	const char *text = html->code == 0 ? viva_arena_vprintf(html->arena, format, arguments) : "";
	va_end(arguments);
	if (html->code == 0)
		html->code = text ? viva_buffer_append_text(html->out, text) : VIVA_ENOMEM;
}

void html_text(struct html *html, const char *text, size_t max_characters)
{
	static const char special[] = "&<>\"'";
	static const char *const escapes[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	const char *at = viva_report_clean(html->arena, text, max_characters);
	while (*at && html->code == 0) {
		size_t plain = strcspn(at, special);
		html->code = viva_buffer_append(html->out, at, plain);
		at += plain;
		if (*at && html->code == 0)
			html->code = viva_buffer_append_text(html->out, escapes[strchr(special, *at++) - special]);
	}
}

void html_element(struct html *html, const char *tag, const char *class_name, const char *text, size_t max_characters)
{
	if (text[0] == '\0')
		return;
	html_put(html, "<%s class=\"%s\" dir=\"auto\">", tag, class_name);
	html_text(html, text, max_characters);
	html_put(html, "</%s>\n", tag);
}

int viva_report_html(const json_t *report, struct viva_buffer *out)
{
	VIVA_AUTO(viva_arena) arena = NULL;
	char policy[256];
	int code = viva_arena_create(0, &arena);
	if (code == 0)
		code = viva_report_html_policy(policy);
	if (code != 0)
		return code;
	struct html html = {.report = report, .out = out, .arena = arena};
	html_put(
		&html,
		"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n<title>Interview report</title>\n<style>%s</style>\n"
		"</head>\n<body>\n<main>\n",
		policy, STYLE);
	html_summary(&html);
	html_insights(&html);
	html_questions(&html);
	html_communication(&html);
	html_emotions(&html);
	html_pictures(&html);
	html_notes(&html);
	html_put(&html, "</main>\n</body>\n</html>\n");
	return html.code;
}

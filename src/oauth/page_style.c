#include "oauth/page_style.h"

#include "fmt/colour.h"

/* Measured for contrast: text 4.5:1 at least on its ground, borders of fields 3:1 (WCAG 2.2 AA). Sides are those of the
 * text's direction. */
static const char sheet[] =
    ":root{color-scheme:light dark;--ground:#f2f2f7;--card:#fff;--text:#1d1d1f;--quiet:#5f5f66;--line:#85858c;"
    "--hair:#d8d8de;--accent:#0066cc;--on-accent:#fff;--edge:transparent;--link:#0062c4;--bad:#b3261e;"
    "--bad-ground:#fdecea;--mark:#6e6e78;--on-mark:#fff;--good:#1e7a36}"
    "@media(prefers-color-scheme:dark){:root{--ground:#000;--card:#1c1c1e;--text:#f5f5f7;--quiet:#a1a1a8;"
    "--line:#77777e;--hair:#3a3a3e;--accent:#0a6fdb;--on-accent:#fff;--link:#4aa3ff;--bad:#ff9d96;"
    "--bad-ground:#3a1715;--mark:#5f5f68;--good:#55c474}}"
    "*{box-sizing:border-box}"
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%}"
    "body{margin:0;min-height:100vh;min-height:100svh;display:flex;flex-direction:column;background:var(--ground);"
    "color:var(--text);font:400 17px/1.42 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif;"
    "-webkit-font-smoothing:antialiased;overflow-wrap:break-word}"
    ":lang(ja){word-break:auto-phrase;line-break:strict}"
    "main{width:100%;max-width:26.5rem;margin:0 auto;padding:2.25rem 1.25rem 1.75rem}"
    ".mark{width:4rem;height:4rem;margin:0 auto 1rem;border-radius:1.05rem;display:flex;align-items:center;"
    "justify-content:center;background:var(--mark);color:var(--on-mark);font-weight:600;font-size:1.5rem;"
    "line-height:1;letter-spacing:.02em}"
    ".logo{display:block;max-width:14rem;max-height:4.5rem;margin:0 auto 1rem}"
    "h1{margin:0 0 .5rem;font-size:1.65rem;line-height:1.2;font-weight:700;letter-spacing:-.012em;text-align:center;"
    "text-wrap:balance}"
    "[dir=rtl] h1{letter-spacing:0;line-height:1.35}"
    ".lead{margin:0 auto 1rem;text-align:center;color:var(--quiet);max-width:23rem;text-wrap:pretty}"
    ".more{margin:0 auto 1.4rem;text-align:center;font-size:.94rem}"
    "a{color:var(--link);text-underline-offset:.15em}"
    ".more a,footer a{display:inline-block;padding:.3rem .2rem}"
    ".steps{display:flex;gap:.5rem;margin:0 0 1.5rem;padding:0;list-style:none;font-size:.78rem;line-height:1.3;"
    "color:var(--quiet)}"
    ".steps li{flex:1 1 0;min-width:0;padding-top:.45rem;border-top:3px solid var(--hair);text-align:center}"
    ".steps .past,.steps [aria-current]{border-color:var(--link)}"
    ".steps [aria-current]{color:var(--text);font-weight:600}"
    ".alert{display:flex;gap:.6rem;margin:0 0 1rem;padding:.75rem .9rem;border-radius:.75rem;"
    "background:var(--bad-ground);color:var(--bad);font-size:.94rem;line-height:1.4}"
    ".alert svg{flex:none;width:1.2rem;height:1.2rem;margin-top:.08rem;fill:currentColor}"
    ".field{margin:0 0 .8rem}"
    "label{display:block;margin:0 .1rem .3rem;font-size:.88rem;font-weight:500;color:var(--text)}"
    "input{display:block;width:100%;min-height:3rem;padding:.6rem .85rem;border:1px solid var(--line);"
    "border-radius:.75rem;background:var(--card);color:var(--text);font:inherit;appearance:none;-webkit-appearance:"
    "none}"
    "[dir=rtl] input{text-align:right}"
    "input[readonly]{background:transparent;border-style:dashed;color:var(--quiet)}"
    "a:focus-visible,input:focus-visible,button:focus-visible{outline:3px solid var(--link);outline-offset:2px}"
    "button,.go{display:block;width:100%;min-height:3rem;padding:.6rem 1rem;border:1px solid transparent;"
    "border-radius:.75rem;font:inherit;font-weight:600;cursor:pointer;text-align:center;text-decoration:none}"
    ".go{margin-top:1.4rem;background:var(--accent);border-color:var(--edge);color:var(--on-accent)}"
    ".go:hover,.second:hover,.no:hover{text-decoration:underline}"
    ".second{margin-top:1.4rem;background:transparent;border-color:var(--line);color:var(--text)}"
    ".no{margin-top:.35rem;background:transparent;color:var(--link);font-weight:400}"
    ".or{display:flex;align-items:center;gap:.8rem;margin:1.2rem 0;color:var(--quiet);font-size:.88rem}"
    ".or::before,.or::after{content:'';flex:1;border-top:1px solid var(--hair)}"
    ".code{margin:1.25rem 0 0;padding:.9rem 1rem;border-radius:.75rem;border:1px solid var(--hair);text-align:center}"
    ".code span{display:block;font-size:.88rem;color:var(--quiet)}"
    ".code strong{display:block;font:600 1.5rem/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
    "letter-spacing:.06em}"
    "h2{margin:1.5rem 0 .5rem;font-size:1.05rem;line-height:1.3}"
    ".facts{margin:0;padding:0;list-style:none}"
    ".facts li{display:flex;gap:.6rem;padding:.35rem 0;line-height:1.4}"
    ".facts svg{flex:none;width:1.15rem;height:1.15rem;margin-top:.15rem;fill:none;stroke-width:2.2;"
    "stroke-linecap:round;stroke-linejoin:round}"
    ".own{margin:0;padding:0;list-style:none}"
    ".own li{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1rem;padding:.7rem 0;line-height:1.4;"
    "border-top:1px solid var(--hair)}"
    ".own li:last-child{border-bottom:1px solid var(--hair)}"
    ".own span{flex:1 1 11rem}"
    ".own small{display:block;font-size:.88rem;color:var(--quiet)}"
    ".own .second{width:auto;min-height:2.75rem;margin:0}"
    ".can svg{stroke:var(--good)}.cannot svg{stroke:var(--bad)}"
    "footer{margin-top:1.1rem;padding-top:1rem;text-align:center;font-size:.82rem;line-height:1.4;color:var(--quiet)}"
    "footer p{margin:0 auto .5rem;max-width:22rem}"
    "@media(max-width:22em){main{padding-top:1.5rem}h1{font-size:1.45rem}.mark{width:3.5rem;height:3.5rem}}"
    "@media(min-width:34em) and (min-height:40em){main{margin:auto;padding:2.5rem 2.5rem 1.75rem;max-width:29rem;"
    "background:var(--card);border-radius:1.25rem;box-shadow:0 1px 2px rgba(0,0,0,.06),0 12px 40px rgba(0,0,0,.08)}"
    "body{padding:1.5rem}}"
    "@media(forced-colors:active){button,input,.go,.mark,.alert{border:1px solid}}";

#define EDGE 3.0 /* WCAG 1.4.11: below it an edge is drawn */

static const char *
edge(struct colour colour, struct colour ground)
{
	return colour_contrast(colour, ground) < EDGE ? "var(--line)" : "transparent";
}

const char *
page_style(struct arena *a, const struct organization *o)
{
	/* Of --ground and --card the one that is harder to tell from. */
	const struct colour light = { 0xf2, 0xf2, 0xf7 }, dark = { 0x1c, 0x1c, 0x1e };
	struct colour colour;
	const char *on;

	if (o == NULL || o->colour == NULL || !colour_parse(o->colour, &colour))
		return sheet;
	on = colour_text_on(colour).r == 0 ? "#000" : "#fff";
	return arena_printf(a,
	    "%s:root{--accent:%s;--on-accent:%s;--mark:%s;--on-mark:%s;--edge:%s}"
	    "@media(prefers-color-scheme:dark){:root{--edge:%s}}",
	    sheet, o->colour, on, o->colour, on, edge(colour, light), edge(colour, dark));
}

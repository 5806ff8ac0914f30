#include "device/html_form.h"

#include "base/tap.h"
#include "device/webview.h"

static struct html_page
scan(struct arena *a, const char *text)
{
	struct html_page page;

	html_page_scan(a, bytes_str(text), &page);
	return page;
}

static const char *
sent(struct arena *a, const char *text, const char **type)
{
	struct device_person person = { .identifier = "ann@example.org", .password = "p&ss w\xc3\xb6rd" };
	struct html_page page = scan(a, text);
	int form = html_page_choose(&page);
	struct bytes body;

	if (form < 0)
		return NULL;
	body = device_form_encode(a, &page.form[form], &person, type);
	return arena_strndup(a, (const char *)body.p, body.n);
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct html_page p;
	const char *type, *body;

	is_str(sent(a,
		   "<!doctype html><title> Sign\n in </title><form method=POST action='/x?y=1&amp;z=2'>"
		   "<input type=hidden name=csrf value=\"a&quot;b&#x2b;\"><input name=user type=email>"
		   "<input type=\"password\" name=\"pass\"><button name=go value=yes>Go</button></form>",
		   &type),
	    "csrf=a%22b%2B&user=ann%40example.org&pass=p%26ss+w%C3%B6rd&go=yes",
	    "every field of the form is sent, hidden ones and the button too");
	is_str(type, "application/x-www-form-urlencoded", "the media type is the form's");
	p = scan(a, "<title> Sign\n in </title><form method=POST action='/x?y=1&amp;z=2'></form>");
	is_str(p.form[0].action, "/x?y=1&z=2", "an action's character references are decoded");
	is_str(p.title, "Sign in", "the title is one line");
	ok(p.form[0].post, "the method is compared without case");

	is_str(sent(a, "<form><input name=q></form><form><input name=u value=kept><input name=p type=password></form>",
		   &type),
	    "u=kept&p=p%26ss+w%C3%B6rd", "the form with a password field is the one; what is prefilled stays");
	is_str(sent(a, "<form><input type=submit name=x></form><form><input name=identifier></form>", &type),
	    "identifier=ann%40example.org", "a page that asks for the identifier first is filled in too");
	is_str(
	    sent(a,
		"<form><input type=checkbox name=a><input type=checkbox name=b checked><input type=radio name=c "
		"value=1>"
		"<input type=radio name=c value=2 checked><input type=password name=p disabled>"
		"<select name=s><option>One<option value=2 selected>Two</select><select name=t><option> Uno </select>"
		"<textarea name=n>x &lt; y</textarea><input type=reset name=r><input type=file name=f></form>",
		&type),
	    "b=on&c=2&s=2&t=Uno&n=x+%3C+y", "checkboxes, radios, selects and text areas are sent as a browser does");
	is_str(sent(a, "<form><button name=a value=cancel>No</button><button name=a value=allow>Yes</button></form>",
		   &type),
	    "a=allow", "of several buttons the one that goes on is pressed");
	body = sent(a, "<form method=post enctype=multipart/form-data><input type=password name=p></form>", &type);
	ok(body != NULL && strstr(body, "name=\"p\"\r\n\r\np&ss") != NULL &&
		strstr(type, "multipart/form-data; boundary=") == type,
	    "multipart/form-data is written when the form asks for it");

	p = scan(a, "<script>document.write('<form><input type=password name=evil></form>')</script><!-- <form> "
		    "--><style><form></style>");
	ok(p.n == 0, "scripts, styles and comments hold no forms");
	p = scan(a, "<meta http-equiv=Refresh content=\"0; URL='/next?a=b'\">");
	is_str(p.refresh, "/next?a=b", "a page may send on by itself");
	p = scan(a, "<noscript><meta http-equiv=refresh content='0;url=/no'></noscript>");
	is_str(p.refresh, NULL, "what is for browsers without script does not count");
	p = scan(a, "<div class=x><div role=alert><b>Wrong</b>\n password</div></div><p>no</p>");
	is_str(p.alert, "Wrong password", "the error that the page shows is read");
	p = scan(a, "<a href='apple-remotemanagement-user-login://authentication-results?access-token=t'>Go on</a>");
	ok(p.link != NULL, "a link to the callback is seen");

	for (const char *odd = "<form <input \"' name=\"x"; *odd != '\0'; odd++)
		p = scan(a, odd);
	ok(html_page_choose(&p) == -1, "broken markup ends nowhere, but it ends");
	p = scan(a, "<form><input type=password name=p></form><<<>&&#;&#x;&#99999999999;<a b=c d='e");
	ok(p.n == 1, "stray characters are stepped over");

	ok(device_csp_allows_form(a, NULL, "https://h/s", "https://x/"), "no policy allows every form");
	ok(device_csp_allows_form(a, "default-src 'none'", "https://h/s", "https://x/"),
	    "default-src does not stand in for form-action");
	ok(!device_csp_allows_form(
	       a, "default-src 'none'; form-action 'self'", "https://h/s", "apple-remotemanagement-user-login://x"),
	    "form-action 'self' blocks the callback, as browsers do");
	ok(device_csp_allows_form(a, "form-action 'self' apple-remotemanagement-user-login:", "https://h/s",
	       "apple-remotemanagement-user-login://x"),
	    "form-action that names the scheme lets it through");
	ok(device_csp_allows_form(a, "form-action 'self'", "https://h:443/s", "https://H/t"), "'self' is the origin");
	ok(!device_csp_allows_form(a, "form-action 'self'", "https://h/s", "https://h:8443/t"),
	    "another port is another origin");
	ok(device_csp_allows_form(a, "form-action https://*.example.org", "https://h/s", "https://idp.example.org/t"),
	    "a wildcard matches a subdomain");
	ok(!device_csp_allows_form(a, "form-action 'none'", "https://h/s", "https://h/t"), "'none' allows nothing");
	arena_free(a);
	return done();
}

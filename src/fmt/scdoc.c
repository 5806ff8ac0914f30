#include "fmt/scdoc.h"

#include <stdbool.h>
#include <string.h>

void
scdoc_text(struct buf *b, const char *text, const char *indent)
{
	bool example = false;

	for (; text != NULL && *text != '\0'; text++) {
		if (*text == '\n') {
			bool next = text[1] == ' ';

			buf_str(b, next || example ? "\n\n" : "\n");
			if (text[1] != '\n' && text[1] != '\0')
				buf_printf(b, "%s%s", indent, next ? "\t" : "");
			text += strspn(text + 1, " ");
			example = next;
		} else if (strchr("\\*_#[]|-.`+~<>", *text) != NULL) {
			buf_printf(b, "\\%c", *text);
		} else {
			buf_char(b, *text);
		}
	}
}

/* What to write into which web server's configuration: a row for each server, a column for each kind (check/cause.h).
 * @host@: the name that was asked. @target@: where devices are to be sent. @document@: what they are to read.
 * @path@: the first part of BaseURL's path. @upstream@: where the MDM server listens. */
#ifndef CHECK_SNIPPET_TABLE_H
#define CHECK_SNIPPET_TABLE_H

#define WELL_KNOWN "/.well-known/com.apple.remotemanagement"
#define SUITES \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-" \
	"GCM-SHA256"

/* The parentheses say that no comma is missing. */
/* clang-format off */
static const struct {
	const char *server, *label;
	const char *text[CHECK_N_SNIPPETS];
} snippets[] = {
	{ "nginx", "nginx: into the server block of @host@", {
	[CHECK_SNIPPET_TYPE] = (
		"location = " WELL_KNOWN " {\n"
		"    default_type application/json;\n"
		"}\n"),
	[CHECK_SNIPPET_DOCUMENT] = (
		"location = " WELL_KNOWN " {\n"
		"    default_type application/json;\n"
		"    return 200 '@document@';\n"
		"}\n"),
	[CHECK_SNIPPET_REDIRECT] = (
		"# a return or rewrite of the whole server block goes before it: move that into location / { }\n"
		"location = " WELL_KNOWN " {\n"
		"    return 307 @target@$is_args$args;\n"
		"}\n"),
	[CHECK_SNIPPET_TLS] = (
		"# with: listen 443 ssl; nginx takes these from the default server of the address\n"
		"ssl_protocols TLSv1.2 TLSv1.3;\n"
		"ssl_ciphers " SUITES ";\n"
		"ssl_conf_command Options ExtendedMasterSecret;\n"),
	[CHECK_SNIPPET_CHAIN] = (
		"# fullchain.pem: the certificate for @host@, then each intermediate, without the root\n"
		"ssl_certificate     /etc/ssl/@host@/fullchain.pem;\n"
		"ssl_certificate_key /etc/ssl/@host@/key.pem;\n"),
	[CHECK_SNIPPET_PROXY] = (
		"location @path@ {\n"
		"    auth_basic off;\n"
		"    proxy_pass @upstream@;\n"
		"    proxy_set_header Host $host;\n"
		"}\n"),
	} },
	{ "apache", "Apache: into the virtual host of @host@", {
	[CHECK_SNIPPET_TYPE] = (
		"# after its other sections\n"
		"<Location \"" WELL_KNOWN "\">\n"
		"    ForceType application/json\n"
		"</Location>\n"),
	[CHECK_SNIPPET_DOCUMENT] = (
		"# after its other sections; /var/www/com.apple.remotemanagement holds: @document@\n"
		"Alias \"" WELL_KNOWN "\" \"/var/www/com.apple.remotemanagement\"\n"
		"<Location \"" WELL_KNOWN "\">\n"
		"    ForceType application/json\n"
		"    Require all granted\n"
		"</Location>\n"),
	[CHECK_SNIPPET_REDIRECT] = (
		"# before its other rewrite rules\n"
		"RewriteEngine on\n"
		"RewriteRule \"^/\\.well-known/com\\.apple\\.remotemanagement$\" \"@target@\" [R=307,L]\n"),
	[CHECK_SNIPPET_TLS] = (
		"SSLEngine on\n"
		"SSLProtocol -all +TLSv1.2 +TLSv1.3\n"
		"SSLCipherSuite " SUITES "\n"
		"SSLOpenSSLConfCmd Options ExtendedMasterSecret\n"),
	[CHECK_SNIPPET_CHAIN] = (
		"# fullchain.pem: the certificate for @host@, then each intermediate, without the root\n"
		"SSLCertificateFile    \"/etc/ssl/@host@/fullchain.pem\"\n"
		"SSLCertificateKeyFile \"/etc/ssl/@host@/key.pem\"\n"),
	[CHECK_SNIPPET_PROXY] = (
		"# after its other sections\n"
		"SSLProxyEngine on\n"
		"ProxyPreserveHost on\n"
		"ProxyPass \"@path@\" \"@upstream@@path@\"\n"
		"<Location \"@path@\">\n"
		"    AuthType None\n"
		"    Require all granted\n"
		"</Location>\n"),
	} },
	{ "caddy", "Caddy: into the site block of @host@", {
	[CHECK_SNIPPET_TYPE] = (
		"header " WELL_KNOWN " Content-Type application/json\n"),
	[CHECK_SNIPPET_DOCUMENT] = (
		"handle " WELL_KNOWN " {\n"
		"    header Content-Type application/json\n"
		"    respond `@document@` 200\n"
		"}\n"),
	[CHECK_SNIPPET_REDIRECT] = (
		"handle " WELL_KNOWN " {\n"
		"    redir @target@?{query} 307\n"
		"}\n"),
	[CHECK_SNIPPET_TLS] = (
		"tls {\n"
		"    protocols tls1.2 tls1.3\n"
		"    ciphers TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n"
		"}\n"),
	[CHECK_SNIPPET_CHAIN] = (
		"# without this line Caddy gets a certificate and its chain by itself\n"
		"tls /etc/ssl/@host@/fullchain.pem /etc/ssl/@host@/key.pem\n"),
	[CHECK_SNIPPET_PROXY] = (
		"handle @path@* {\n"
		"    reverse_proxy @upstream@\n"
		"}\n"),
	} },
	{ "iis", "IIS: into web.config of @host@", {
	[CHECK_SNIPPET_TYPE] = (
		"<configuration><system.webServer><staticContent>\n"
		"  <mimeMap fileExtension=\".remotemanagement\" mimeType=\"application/json\" />\n"
		"</staticContent></system.webServer></configuration>\n"),
	[CHECK_SNIPPET_DOCUMENT] = (
		"<!-- .well-known\\com.apple.remotemanagement holds: @document@ -->\n"
		"<configuration><system.webServer><staticContent>\n"
		"  <mimeMap fileExtension=\".remotemanagement\" mimeType=\"application/json\" />\n"
		"</staticContent></system.webServer></configuration>\n"),
	[CHECK_SNIPPET_REDIRECT] = (
		"<!-- with the module URL Rewrite -->\n"
		"<configuration><system.webServer><rewrite><rules>\n"
		"  <rule name=\"remotemanagement\" stopProcessing=\"true\">\n"
		"    <match url=\"^\\.well-known/com\\.apple\\.remotemanagement$\" />\n"
		"    <action type=\"Redirect\" url=\"@target@\" appendQueryString=\"true\" redirectType=\"Temporary\" />\n"
		"  </rule>\n"
		"</rules></rewrite></system.webServer></configuration>\n"),
	[CHECK_SNIPPET_TLS] = (
		"# PowerShell; Windows Server 2016 and later know Extended Master Secret. Then restart.\n"
		"$p = 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols'\n"
		"foreach ($v in 'TLS 1.0', 'TLS 1.1') {\n"
		"  New-Item \"$p\\$v\\Server\" -Force\n"
		"  New-ItemProperty \"$p\\$v\\Server\" Enabled -Value 0 -PropertyType DWord -Force\n"
		"}\n"
		"Enable-TlsCipherSuite TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 -Position 0\n"),
	[CHECK_SNIPPET_CHAIN] = (
		"# PowerShell: the certificate with its key, and the intermediate into the store that IIS sends from\n"
		"Import-PfxCertificate -FilePath @host@.pfx -CertStoreLocation Cert:\\LocalMachine\\My\n"
		"Import-Certificate -FilePath intermediate.cer -CertStoreLocation Cert:\\LocalMachine\\CA\n"),
	[CHECK_SNIPPET_PROXY] = (
		"<!-- with the modules URL Rewrite and Application Request Routing -->\n"
		"<configuration><system.webServer><rewrite><rules>\n"
		"  <rule name=\"enrollment\" stopProcessing=\"true\">\n"
		"    <match url=\"^(@bare-path@.*)$\" />\n"
		"    <action type=\"Rewrite\" url=\"@upstream@/{R:1}\" />\n"
		"  </rule>\n"
		"</rules></rewrite></system.webServer></configuration>\n"),
	} },
	{ "cloudfront", "S3 and CloudFront", {
	[CHECK_SNIPPET_TYPE] = (
		"aws s3 cp s3://BUCKET" WELL_KNOWN " s3://BUCKET" WELL_KNOWN " \\\n"
		"    --content-type application/json --metadata-directive REPLACE\n"
		"aws cloudfront create-invalidation --distribution-id ID --paths '" WELL_KNOWN "*'\n"),
	[CHECK_SNIPPET_DOCUMENT] = (
		"printf '%s' '@document@' | aws s3 cp - s3://BUCKET" WELL_KNOWN " \\\n"
		"    --content-type application/json\n"
		"aws cloudfront create-invalidation --distribution-id ID --paths '" WELL_KNOWN "*'\n"),
	[CHECK_SNIPPET_REDIRECT] = (
		"// CloudFront function, viewer request\n"
		"function handler(event) {\n"
		"  var r = event.request, q = [];\n"
		"  if (r.uri !== '" WELL_KNOWN "') return r;\n"
		"  for (var k in r.querystring) q.push(k + '=' + r.querystring[k].value);\n"
		"  return { statusCode: 307, statusDescription: 'Temporary Redirect',\n"
		"           headers: { location: { value: '@target@' + (q.length ? '?' + q.join('&') : '') } } };\n"
		"}\n"),
	[CHECK_SNIPPET_TLS] = (
		"# in the distribution's ViewerCertificate\n"
		"MinimumProtocolVersion: TLSv1.2_2021\n"
		"SSLSupportMethod: sni-only\n"),
	[CHECK_SNIPPET_CHAIN] = (
		"# in us-east-1; then name it in the distribution's ViewerCertificate\n"
		"aws acm import-certificate --region us-east-1 --certificate fileb://cert.pem \\\n"
		"    --private-key fileb://key.pem --certificate-chain fileb://intermediates.pem\n"),
	[CHECK_SNIPPET_PROXY] = (
		"# a cache behavior of the distribution: origin @upstream@\n"
		"PathPattern: @path@*\n"
		"AllowedMethods: GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE\n"
		"CachePolicy: CachingDisabled\n"
		"OriginRequestPolicy: AllViewer\n"),
	} },
	{ "cloudflare", "Cloudflare", {
	[CHECK_SNIPPET_TYPE] = (
		"# Rules > Transform Rules > Modify Response Header\n"
		"When:  http.request.uri.path eq \"" WELL_KNOWN "\"\n"
		"Then:  Set static  Content-Type = application/json\n"),
	[CHECK_SNIPPET_DOCUMENT] = (
		"// Worker on the route @host@" WELL_KNOWN "*\n"
		"export default { fetch: () => new Response('@document@',\n"
		"  { headers: { 'content-type': 'application/json' } }) };\n"),
	[CHECK_SNIPPET_REDIRECT] = (
		"# Rules > Redirect Rules\n"
		"When:  http.request.uri.path eq \"" WELL_KNOWN "\"\n"
		"Then:  Static  @target@  307  Preserve query string: on\n"),
	[CHECK_SNIPPET_TLS] = (
		"# SSL/TLS > Edge Certificates\n"
		"Minimum TLS Version: 1.2\n"
		"TLS 1.3: on\n"),
	[CHECK_SNIPPET_CHAIN] = (
		"# SSL/TLS > Edge Certificates: the proxy (orange cloud) shows Cloudflare's own certificate for @host@;\n"
		"# one that is uploaded wants its bundle: Bundle method: Compatible\n"),
	[CHECK_SNIPPET_PROXY] = (
		"# Rules > Configuration Rules, and DNS of @host@ to the MDM server\n"
		"When:  starts_with(http.request.uri.path, \"@path@\")\n"
		"Then:  Browser Integrity Check: off, Security Level: essentially off, Cache: bypass\n"),
	} },
};
/* clang-format on */

#endif

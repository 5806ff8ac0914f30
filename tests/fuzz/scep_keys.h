/* Keys that guard nothing: a CA and a device of the SCEP harness, fixed so that its seeds keep their
 * meaning. */
#ifndef TESTS_FUZZ_SCEP_KEYS_H
#define TESTS_FUZZ_SCEP_KEYS_H

static const char ca_key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
				 "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDBbgWPBIYXy9AP\n"
				 "5wGI94ASJmq2YIMq+fB47FDCn7fNL0GoRpQHJb1cvqmMcuTtJTgK+MWyRLNmk5ND\n"
				 "lPbDs2xekvLCN+LJ6zyNuExeNO1P21D8Dn5gQ45T17b/EsDH66jtKslDBz5xTWd4\n"
				 "vRzn3tAbjg/31h5JokPeYk5w9oCBnpdkqerhdZ7+67oyhALqoN1J6Btos/AVUnqk\n"
				 "CC+TqxWXG3TYTtoVzxeYg8wwr/DD9wCQ2lbQbm9JX/l70QnSgelS57TQeuToRwfy\n"
				 "sj4KMJOv7aAuA0Y5NtCUccx74rHlBwQGzHuJbRAdkwbo6M3OdefbWwbi+UQMV30l\n"
				 "zn9IKMirAgMBAAECggEAL/hWHpLTooEkN11lzw76TwYB/vrObNERZxvMJ4gusA8h\n"
				 "LFdcjK06Wg7aw38W8Q0C6g2qEbzh9PVyVxdRX1VW8dllpO7xKnxRRyBGqDJeDCjq\n"
				 "26fIhZ0bZgWgV3/SGYKDIVY0FZBtVvIIUDQuP/7NA5hms2MBnedFB5i/tVocoohA\n"
				 "ralGjYPyBcbx2+ZDdZTsumnLGEeF0UzpH6DMQ554YeeY/nGR/UVBl0B0p7qAqpNp\n"
				 "Js8ZQ1M7lX9C1QZgXBq3dWQoO6i1sY/FuX6OAZ8qBRKYUJpF3QtCROFo1tRlB8Oo\n"
				 "0BN0ELS4HmCas2CSlzxA44I8DwfTugZSGaX/edn92QKBgQDorm2XTab4rKDMG6Rk\n"
				 "Xx/GfAJIUMhEyDVeEG+1TyU7EP7tZPv5497N3JI6aLihwxqsDjb6ueYrBWivpSiD\n"
				 "Hir/k7W8kzEMCdY9vJRzhOOu4a9s5bOjxN1ztmHcFKdZO5t45YpsX5E2maRzgb5J\n"
				 "TXNjudb8gwrgf9amGPLwxZMkhQKBgQDU0JJq8HZPWWGR4sR5jGVg2BidBPJcnME2\n"
				 "xxInwfevhJV7bo7dQI03gJfmnN52kYglSRiTurpfMCda6HQd49/n5vz1O98tHcyd\n"
				 "BIs0eXf+dc65jlyrRSA2o0DZo64kMWMXha6Mqhs37MpQ3w7T9GdWAAsIat05YstG\n"
				 "6fO3dwQXbwKBgG08Dij9BIk0Cd0okPmqCrHU4AFxI0PfNeauErNsr47WQMfUI9NB\n"
				 "3gSJK4EOTrdqb+gcWEVG5r6FsIrdH3LGw+ruPmCEPX9oUtLy6EJ/PaCJRSD7iWU1\n"
				 "87zx/2khrRrgN/H+2QhdqT+Xy7OKUnn5SVWlFj+/iWixu2SIy+yq5JQ9AoGBALg9\n"
				 "LVU5giNl7Qtgd9oGysmRq5Vcb/nvl3I126jhyu1/6e2nJDW1qcwQHvF+gzXA/k3R\n"
				 "P169vJWl2ZxhPA2YdwKMPhiM0cR8VOTmxyERu+lm0iZgciewO5gxs3X3t04MF46I\n"
				 "pDmRFulOrURgJ7UllMSmWubZpVYGCpgE+IKvnbIvAoGAV35vzvdbx2wXrA71P/Qn\n"
				 "CVlkxI27jA+xCPURFeV1pj38lNvxAiNqp4fw9eDVOLo9U8loeFFRx8dJNhCEBWrm\n"
				 "ayZy66jQJZXLNTvIWAh67y+Up1L//698TyowEL4qUukYDxJKm5hG8Ju6k00JnM+R\n"
				 "DBbLy04YgQDlX2us4VL0MyI=\n"
				 "-----END PRIVATE KEY-----\n";

static const char ca_pem[] = "-----BEGIN CERTIFICATE-----\n"
			     "MIIC/TCCAeWgAwIBAgIUKivZ00f+hc5c466XoWR8QGFwTCswDQYJKoZIhvcNAQEL\n"
			     "BQAwDTELMAkGA1UEAwwCQ0EwIBcNMjYxMTI0MTEyMzI5WhgPMjEyNjEwMzExMTIz\n"
			     "MjlaMA0xCzAJBgNVBAMMAkNBMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC\n"
			     "AQEAwW4FjwSGF8vQD+cBiPeAEiZqtmCDKvnweOxQwp+3zS9BqEaUByW9XL6pjHLk\n"
			     "7SU4CvjFskSzZpOTQ5T2w7NsXpLywjfiyes8jbhMXjTtT9tQ/A5+YEOOU9e2/xLA\n"
			     "x+uo7SrJQwc+cU1neL0c597QG44P99YeSaJD3mJOcPaAgZ6XZKnq4XWe/uu6MoQC\n"
			     "6qDdSegbaLPwFVJ6pAgvk6sVlxt02E7aFc8XmIPMMK/ww/cAkNpW0G5vSV/5e9EJ\n"
			     "0oHpUue00Hrk6EcH8rI+CjCTr+2gLgNGOTbQlHHMe+Kx5QcEBsx7iW0QHZMG6OjN\n"
			     "znXn21sG4vlEDFd9Jc5/SCjIqwIDAQABo1MwUTAdBgNVHQ4EFgQUe2rWbQYbmww2\n"
			     "aW8ICpje6FSaM/swHwYDVR0jBBgwFoAUe2rWbQYbmww2aW8ICpje6FSaM/swDwYD\n"
			     "VR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAQEAOc0w7i4r/5QyVkQmyZ/i\n"
			     "mzBuid5wX12+6OagRN91j2mlOVTqLpvbuvxtU6Cq7vVcMSDHZ1D1OtD0Z2teBr1H\n"
			     "NiTXZEtFeKvnhYB0giQDa+rIbShJo/PlubqAvBdYfZpmA31ciwl48y68oiYnkZ1p\n"
			     "1Ovn3l39hQXRGGOSfN6HkEKn81NIDsDGhJpJi/1Wk7oljoHD+i0MqORNwqXLfH3v\n"
			     "7JT6d0kuRWG5jw1hIXITZGTke/368G6yEd87Ax3lzoXdm3szKrC9Fn2s30qMOAjb\n"
			     "vjx0A0XLhV22QQarkrTvOWamC8dleyYNfeE4FHHFYbvo//BcroiStIUgFwoZg7s4\n"
			     "Uw==\n"
			     "-----END CERTIFICATE-----\n";

static const char device_key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
				     "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3inHIq5t1VjMahds\n"
				     "rS4xmebBZjwBGqu27jtMCyT6k8ehRANCAARqPkUbidJqVg5o+z973T9kb3sGRFYY\n"
				     "4z3Va1oiYrg75NPlSwl9hJjkJOh6YaVIoUeXnqE7xPGABxuC1yULjvNA\n"
				     "-----END PRIVATE KEY-----\n";

static const char device_pem[] = "-----BEGIN CERTIFICATE-----\n"
				 "MIIBeDCCAR+gAwIBAgIUK7zDF+jyj5g9+hzm9RrV34O66AwwCgYIKoZIzj0EAwIw\n"
				 "ETEPMA0GA1UEAwwGZGV2aWNlMCAXDTI2MTEyNDExMjMyOVoYDzIxMjYxMDMxMTEy\n"
				 "MzI5WjARMQ8wDQYDVQQDDAZkZXZpY2UwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
				 "AARqPkUbidJqVg5o+z973T9kb3sGRFYY4z3Va1oiYrg75NPlSwl9hJjkJOh6YaVI\n"
				 "oUeXnqE7xPGABxuC1yULjvNAo1MwUTAdBgNVHQ4EFgQU0nOMusxUdiACTLUxkElw\n"
				 "m8dCxY0wHwYDVR0jBBgwFoAU0nOMusxUdiACTLUxkElwm8dCxY0wDwYDVR0TAQH/\n"
				 "BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBkfcYmmJ40hqIYQhYk3JWijfJQ951G\n"
				 "DaFdtu6jniPBMgIgD0ZY2ok0ArYZ4oAMT+hkJKPt0I0nhgR0d93oQIu1vhM=\n"
				 "-----END CERTIFICATE-----\n";

#endif

import Events
import Testing

@testable import AWS

/// The small formats: dates, XML, profile files, addresses.
@Suite struct TextTests {
    @Test(arguments: [
        (Int64(0), "19700101T000000Z"), (951_782_399, "20000228T235959Z"), (951_782_400, "20000229T000000Z"),
        (1_440_938_160, "20150830T123600Z"), (4_107_542_399, "21000228T235959Z"), (4_107_542_400, "21000301T000000Z"),
    ])
    func datesCountLeapYears(seconds: Int64, text: String) {
        let time = CivilTime(Instant(unixSeconds: seconds))
        #expect(time.basic == text)
        #expect(time.instant == Instant(unixSeconds: seconds))
    }

    @Test func theThreeFormsAreOneTime() {
        let time = CivilTime(Instant(unixSeconds: 1_440_938_160))
        #expect(CivilTime(extended: "2015-08-30T12:36:00Z") == time)
        #expect(CivilTime(extended: "2015-08-30T12:36:00.123Z") == time)
        #expect(CivilTime(http: "Sun, 30 Aug 2015 12:36:00 GMT") == time)
    }

    @Test(arguments: [
        "", "T", "Z", "2015-08-30", "2015-13-30T12:36:00Z", "2015-08-30T24:00:00Z", "2015-08-30T12:36:00+02:00",
        "2015-08T12:36Z", "99999999999999999999-01-01T00:00:00Z", "Sun, 30 Aug 2015 12:36:00 CET", "a b c d e GMT",
    ])
    func otherDatesAreNone(text: String) {
        #expect(CivilTime(extended: text) == nil)
        #expect(CivilTime(http: text) == nil)
    }

    @Test func xmlGivesItsLeaves() throws {
        let xml = """
            <?xml version="1.0"?>
            <R xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><A>
            <B>x &amp; &lt;y&gt;</B><Empty/><C/></A><D> 1 </D></R>

            """
        let fields = try #require(XMLFields(Array(xml.utf8)))
        #expect(fields["B"] == "x & <y>")
        #expect(fields["D"] == " 1 ")
        #expect(fields["A"] == nil)
    }

    @Test(arguments: [
        "", "x", "<a>", "<a></b>", "<a><b></a></b>", "<a/><b/>", "<a>&lt</a>", "<a>&xxe;</a>", "<a>&#65;</a>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "<a><![CDATA[x]]></a>", "<a><!-- x --></a>",
        "<a><b>1</b><b>2</b></a>", "<a>" + String(repeating: "x", count: 70_000) + "</a>",
        String(repeating: "<a>", count: 100) + String(repeating: "</a>", count: 100),
    ])
    func otherXMLIsRefused(text: String) {
        #expect(XMLFields(Array(text.utf8)) == nil)
    }

    @Test func profileFilesHaveSectionsKeysAndComments() {
        let sections = ProfileFiles.parse(
            """
            # comment
            stray = 1
            [default]
            region=eu-central-1 ; comment
            aws_secret_access_key = a#b=c

            [profile  team]
            Role_ARN = arn:aws:iam::1:role/x
            s3 =
              addressing_style = path
            ; comment
            [default]
            output = json
            """)
        #expect(sections["default"] == ["region": "eu-central-1", "aws_secret_access_key": "a#b=c", "output": "json"])
        #expect(sections["profile team"] == ["role_arn": "arn:aws:iam::1:role/x", "s3": ""])
    }

    @Test(arguments: [
        ("https://sqs.eu-west-1.amazonaws.com/123/orders.fifo", "orders.fifo", "eu-west-1"),
        ("https://eu-west-1.queue.amazonaws.com/123/orders", "orders", "eu-west-1"),
        ("https://vpce-1-a.sqs.eu-west-1.vpce.amazonaws.com/123/orders", "orders", "eu-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123/orders", "orders", "cn-north-1"),
        ("https://queue.amazonaws.com/123/orders", "orders", nil),
        ("http://127.0.0.1:5600/123/orders", "orders", nil),
        ("arn:aws:sqs:eu-west-1:123:orders", "orders", "eu-west-1"),
        ("orders", "orders", nil),
    ] as [(String, String, String?)])
    func queuesAreNamedByURLARNOrName(text: String, name: String, region: String?) {
        let address = QueueAddress(text)
        #expect(address.name == name)
        #expect(address.region == region)
        #expect(address.isFIFO == name.hasSuffix(".fifo"))
        #expect(address.account == (text.hasPrefix("arn:") ? "123" : nil))
    }

    @Test func endpointsAreOriginsOfHTTP() throws {
        #expect(AWSEndpoint(.sqs, in: "eu-west-1")?.origin == "https://sqs.eu-west-1.amazonaws.com")
        #expect(AWSEndpoint(.events, in: "cn-north-1")?.origin == "https://events.cn-north-1.amazonaws.com.cn")
        #expect(AWSEndpoint(url: "HTTPS://x", region: "r") == nil)
        #expect(AWSEndpoint(url: "https://user@x/", region: "r") == nil)
        #expect(AWSEndpoint(url: "ftp://x/", region: "r") == nil)
        #expect(AWSEndpoint(.sqs, in: "evil.example/") == nil)
        #expect(AWSEndpoint(url: "https://X:443/y?z", region: "r")?.host == "x")
        #expect(AWSEndpoint(url: "http://x:8080/y", region: "r")?.host == "x:8080")
    }
}

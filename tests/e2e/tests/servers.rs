//! Real servers behind QEMU's own network: names by dnsmasq, documents by nginx and Python, over both versions of IP, with and
//! without TLS; and callers from outside. Which certificates are refused is in `open.rs`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests_e2e::wire::Wire;
use tests_e2e::{Authority, Server, Terminal, empty_folder, free_port, plain, said};

/// The system, without ports and the authority.
const SYSTEM: &str = include_str!("servers/servers.toml");
/// What the resolver knows: a name behind two others, one of IPv6 alone, one that is true for six seconds.
const ZONE: [&str; 7] = [
    "--host-record=end.shop.example,10.0.2.2,fd53:6b65:7000::2,60",
    "--cname=middle.shop.example,end.shop.example,60",
    "--cname=www.shop.example,middle.shop.example,60",
    "--host-record=six.shop.example,fd53:6b65:7000::2,60",
    "--host-record=short.shop.example,10.0.2.2,6",
    "--host-record=sealed.shop.example,10.0.2.2,60",
    "--host-record=others.shop.example,10.0.2.2,60",
];
/// What the client with rules about names does; the wait is longer than a name of six seconds is believed.
const TASKS: &str = "resolve=www.shop.example resolve=missing.shop.example try=missing.shop.example:PORT \
     try=short.shop.example:BRIEF try=10.0.2.2:BRIEF fetch=www.shop.example:PORT/plain.txt \
     fetch=six.shop.example:PORT/plain.txt try=others.shop.example:PORT wait=7000 try=10.0.2.2:BRIEF";
/// Servers: documents, documents under TLS, and documents under a TLS of the past.
const SERVERS: &str = "
server {
    listen 127.0.0.1:PORT; listen [::1]:PORT; root FOLDER/pages; charset utf-8;
    gzip on; gzip_min_length 0; gzip_types text/plain;
    location /moved { return 302 /page.html; }
    location /old { charset iso-8859-1; }
}
server { listen 127.0.0.1:SEALED ssl; root FOLDER/pages; ssl_certificate good.pem; ssl_certificate_key leaf.key; }
server {
    listen 127.0.0.1:PAST ssl; root FOLDER/pages; ssl_certificate good.pem; ssl_certificate_key leaf.key;
    ssl_protocols TLSv1 TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;
}
";
/// The pages of all servers.
fn pages(folder: &Path) {
    let pages = folder.join("pages");
    std::fs::create_dir_all(&pages).expect("a folder for what is served");
    let write = |name: &str, bytes: &[u8]| std::fs::write(pages.join(name), bytes).expect("a page");
    let long = "<p>Ein längerer Absatz über Grüße.".repeat(200);
    write("page.html", format!("<title>Grüße</title><p>the page of nginx{long}<p>its end").as_bytes());
    write("old.txt", b"\xe4lter als UTF-8");
    write("plain.txt", b"sent as it is");
}

/// The system and its servers.
struct Shop {
    t: Terminal,
    folder: PathBuf,
    nginx: Server,
    python: Server,
    _names: Server,
    /// Ports of nginx with TLS of today and of the past.
    sealed: [u16; 2],
    /// Ports of the host that lead to the one where somebody listens, and to another.
    doors: [u16; 2],
}

impl Shop {
    fn begin() -> Self {
        let folder = empty_folder("servers");
        pages(&folder);
        let authority = Authority::new(&folder);
        authority.sign("good", "ca", "DNS:sealed.shop.example", 30);
        let ([sealed, past], doors) = ([(); 2].map(|()| free_port()), [(); 2].map(|()| free_port()));
        let servers = SERVERS.replace("SEALED", &sealed.to_string()).replace("PAST", &past.to_string());
        let nginx = Server::nginx(&folder, &servers);
        let python = Server::files(&folder.join("pages"), "127.0.0.1");
        let names = Server::names(&folder, &ZONE);
        let text = SYSTEM
            .replace("TASKS", TASKS)
            .replace("PORT", &nginx.port.to_string())
            .replace("BRIEF", &python.port.to_string())
            .replace("AUTHORITY", &authority.argument());
        let wire = Wire::new(&folder, Some(names.port));
        let [open, none] = [format!("{}:80", doors[0]), format!("{}:81", doors[1])];
        let mut arguments = ["--forward", &open, "--forward", &none, "--"].map(str::to_owned).to_vec();
        arguments.extend_from_slice(wire.arguments());
        let t = Terminal::run_text(&folder, &text, &arguments);
        Self { t, folder, nginx, python, _names: names, sealed: [sealed, past], doors }
    }

    /// Opens a document, of which these texts are shown.
    fn opens(&mut self, url: &str, expected: &[&str]) {
        let shown = plain(&self.t.command(&format!("open {url}")));
        for text in expected {
            assert!(shown.contains(text), "{url}: no '{text}' in {shown}");
        }
    }

    fn documents(&mut self) {
        let (port, python, [sealed, past]) = (self.nginx.port, self.python.port, self.sealed);
        let page = ["●│ Grüße", "the page of nginx", "längerer Absatz über", "its end"];
        self.opens(&format!("http://www.shop.example:{port}/page.html"), &page);
        self.opens(&format!("http://www.shop.example:{port}/moved"), &["the page of nginx"]);
        self.opens(&format!("http://www.shop.example:{port}/old.txt"), &["●│ älter als UTF-8"]);
        self.opens(&format!("http://six.shop.example:{port}/plain.txt"), &["●│ sent as it is"]);
        self.opens(&format!("http://others.shop.example:{python}/plain.txt"), &["●│ sent as it is"]);
        self.opens(&format!("https://sealed.shop.example:{sealed}/plain.txt"), &["●│ sent as it is"]);
        let wrong_name = "It can't be opened: the host's certificate is for another name.";
        self.opens(&format!("https://others.shop.example:{sealed}/plain.txt"), &[wrong_name]);
        let past_only = "It can't be opened: the connection can't be trusted.";
        self.opens(&format!("https://sealed.shop.example:{past}/plain.txt"), &[past_only]);
        let nobody = "It can't be opened: there is no host of this name.";
        self.opens(&format!("http://missing.shop.example:{port}/"), &[nobody]);
        let asked = std::fs::read_to_string(self.folder.join("asked.log")).expect("what nginx was asked");
        assert!(asked.contains("/page.html HTTP/1.1 200 gzip chunked"), "{asked}");
        assert!(asked.contains("/moved HTTP/1.1 302"), "{asked}");
    }

    /// What came of the tasks of the client whose rules are about names, in their order.
    fn tasks(&mut self) {
        let log = self.t.log_until("buyer] net: done");
        let (port, brief) = (self.nginx.port, self.python.port);
        let told = [
            // Behind two other names.
            "www.shop.example is [V6([253, 83, 107, 101, 112, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]), V4([10, 0, 2, 2])]",
            // What does not exist breaks its own rule only.
            "missing.shop.example Said(NoSuchName)",
            &format!("missing.shop.example:{port} Said(NoSuchName)"),
            &format!("short.shop.example:{brief} connected"),
            // Its address may be had as long as the name is believed.
            &format!("10.0.2.2:{brief} connected"),
            // By name, and over IPv6 alone.
            "fetched 13 bytes, sum 4573dd3473b8e1ba",
            "fetched 13 bytes, sum 4573dd3473b8e1ba",
            &format!("others.shop.example:{port} Said(Denied)"),
            &format!("10.0.2.2:{brief} Said(Denied)"),
            "done",
        ];
        let mut rest = log.as_str();
        for line in told {
            let after = rest.split_once(&format!("buyer] net: {line}")).map(|(_, after)| after);
            rest = after.unwrap_or_else(|| panic!("no '{line}' at its place in the log:\n{log}"));
        }
        assert_eq!(log.matches("netvm generation").count(), 1, "{log}");
    }
}

#[test]
fn names_documents_and_callers_come_from_real_servers() {
    let mut shop = Shop::begin();
    shop.t.log_until("door] net: listening at 80");
    assert_eq!(said(shop.doors[0], b"good day").expect("an answer"), b"good day");
    // QEMU takes the call; there is nobody behind it.
    assert!(said(shop.doors[1], b"good day").is_err(), "nobody listens at port 81");
    // The server of the past works, for whoever trusts it.
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &format!("127.0.0.1:{}", shop.sealed[1])]);
    client.args(["-tls1_1", "-cipher", "ALL@SECLEVEL=0"]).stdin(Stdio::null());
    let client = client.output().expect("OpenSSL runs");
    assert!(String::from_utf8_lossy(&client.stdout).contains("Protocol  : TLSv1.1"), "{client:?}");
    shop.documents();
    shop.tasks();
    assert_eq!(shop.t.power_off().0, 0);
}

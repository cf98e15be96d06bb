import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * Java's JSSE as a peer.
 *
 * <pre>
 * Peer serve CHAIN KEY ALGORITHM VERSIONS ALPN CLIENTROOTS
 *         prints "listening PORT"; tells each client what was negotiated, then echoes
 * Peer connect
 *         reads jobs, a line each: PORT NAME ROOTS PAYLOAD VERSIONS ALPN CHAIN KEY ALGORITHM; answers each with "ok …" or "failed …"
 * </pre>
 *
 * VERSIONS is a list such as "TLSv1.3,TLSv1.2", ALPN a list; "-" stands for none.
 */
public final class Peer {
    private static final int TIMEOUT = 15_000;

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("serve")) {
            serve(Arrays.copyOfRange(arguments, 1, arguments.length));
            return;
        }
        BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in));
        for (String job = jobs.readLine(); job != null; job = jobs.readLine()) {
            try {
                System.out.println("ok " + connect(job.split(" ")));
            } catch (Exception failure) {
                System.out.println("failed " + String.valueOf(failure).replace('\n', ' '));
            }
        }
    }

    private static void serve(String[] job) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys(job[0], job[1], job[2]), trusted(job[5]), null);

        InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        SSLServerSocket listener = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, 50, loopback);
        SSLParameters parameters = parameters(listener.getSSLParameters(), job[3], job[4]);
        parameters.setNeedClientAuth(!job[5].equals("-"));
        listener.setSSLParameters(parameters);
        System.out.println("listening " + listener.getLocalPort());
        while (true) {
            SSLSocket socket = (SSLSocket) listener.accept();
            new Thread(() -> echo(socket)).start();
        }
    }

    private static void echo(SSLSocket socket) {
        try (socket) {
            socket.setSoTimeout(TIMEOUT);
            socket.startHandshake();
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            out.write((report(socket) + "\n").getBytes(StandardCharsets.UTF_8));
            // Without a close_notify the end is an exception.
            in.transferTo(out);
        } catch (IOException failure) {
            System.err.println("failed " + failure);
        }
    }

    private static String connect(String[] job) throws Exception {
        int port = Integer.parseInt(job[0]);
        String name = job[1];
        byte[] payload = Files.readAllBytes(Path.of(job[3]));

        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys(job[6], job[7], job[8]), trusted(job[2]), null);

        Socket plain = new Socket();
        plain.connect(new InetSocketAddress("127.0.0.1", port), TIMEOUT);
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, name, port, true)) {
            socket.setSoTimeout(TIMEOUT);
            SSLParameters parameters = parameters(socket.getSSLParameters(), job[4], job[5]);
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            // By itself it sends no name that has no dot.
            parameters.setServerNames(List.of(new SNIHostName(name)));
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            Thread writer = new Thread(() -> {
                try {
                    socket.getOutputStream().write(payload);
                } catch (IOException failure) {
                    System.err.println("writing: " + failure);
                }
            });
            writer.start();
            byte[] back = socket.getInputStream().readNBytes(payload.length);
            writer.join();
            if (!Arrays.equals(back, payload)) {
                throw new IOException("the echo differs, " + back.length + " of " + payload.length + " bytes");
            }
            // The server closes first; without a close_notify this is an exception.
            if (socket.getInputStream().read() != -1) {
                throw new IOException("data instead of close_notify");
            }
            return report(socket);
        }
    }

    private static KeyManager[] keys(String chain, String key, String algorithm) throws Exception {
        if (chain.equals("-")) {
            return null;
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null);
        store.setKeyEntry("leaf", privateKey(key, algorithm), new char[0], certificates(chain));
        KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
        managers.init(store, new char[0]);
        return managers.getKeyManagers();
    }

    private static TrustManager[] trusted(String roots) throws Exception {
        if (roots.equals("-")) {
            return null;
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null);
        store.setCertificateEntry("root", certificates(roots)[0]);
        TrustManagerFactory managers = TrustManagerFactory.getInstance("PKIX");
        managers.init(store);
        return managers.getTrustManagers();
    }

    private static SSLParameters parameters(SSLParameters parameters, String versions, String alpn) {
        parameters.setProtocols(versions.split(","));
        if (!alpn.equals("-")) {
            parameters.setApplicationProtocols(alpn.split(","));
        }
        return parameters;
    }

    private static String report(SSLSocket socket) throws IOException {
        ExtendedSSLSession session = (ExtendedSSLSession) socket.getSession();
        StringBuilder names = new StringBuilder();
        for (SNIServerName name : session.getRequestedServerNames()) {
            names.append(new String(name.getEncoded(), StandardCharsets.US_ASCII));
        }
        String client = "";
        if (!socket.getUseClientMode() && socket.getNeedClientAuth()) {
            client = session.getPeerPrincipal().getName().replaceFirst("^CN=", "");
        }
        return "suite=" + session.getCipherSuite() + " alpn=" + socket.getApplicationProtocol() + " sni=" + names + " client=" + client;
    }

    private static Certificate[] certificates(String file) throws Exception {
        byte[] pem = Files.readAllBytes(Path.of(file));
        return CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(pem))
                .toArray(new Certificate[0]);
    }

    private static PrivateKey privateKey(String file, String algorithm) throws Exception {
        String pem = Files.readString(Path.of(file));
        String base64 = pem.replaceAll("-----[^-]*-----", "").replaceAll("\\s", "");
        PKCS8EncodedKeySpec encoded = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64));
        return KeyFactory.getInstance(algorithm).generatePrivate(encoded);
    }
}

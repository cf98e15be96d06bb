// Command gopeer is Go's crypto/tls as a peer.
//
//	gopeer serve CHAIN KEY MIN MAX CLIENTROOTS ALPN
//	        prints "listening PORT"; tells each client what was negotiated, in one line, then echoes
//	gopeer connect
//	        reads jobs, a line each: TIMES PORT NAME ROOTS PAYLOAD MIN MAX CHAIN KEY ALPN; makes as many connections, and tells
//	        of the last one with "ok …" or "failed …"
//
// "-" stands for none.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"
)

const timeout = 15 * time.Second

func version(text string) uint16 {
	if text == "1.3" {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

func report(conn *tls.Conn) string {
	state := conn.ConnectionState()
	client := ""
	if len(state.VerifiedChains) > 0 {
		client = state.VerifiedChains[0][0].Subject.CommonName
	}
	return fmt.Sprintf("suite=%04x alpn=%s sni=%s resumed=%t client=%s",
		state.CipherSuite, state.NegotiatedProtocol, state.ServerName, state.DidResume, client)
}

func pool(file string) (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(file)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no roots: %v", err)
	}
	return roots, nil
}

func serve(chain, key, min, max, clientRoots, alpn string) error {
	certificate, err := tls.LoadX509KeyPair(chain, key)
	if err != nil {
		return err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		MinVersion:   version(min),
		MaxVersion:   version(max),
		NextProtos:   strings.Split(alpn, ","),
	}
	if clientRoots != "-" {
		if config.ClientCAs, err = pool(clientRoots); err != nil {
			return err
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	for {
		socket, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer socket.Close()
			socket.SetDeadline(time.Now().Add(timeout))
			conn := tls.Server(socket, config)
			if err := conn.Handshake(); err != nil {
				log.Printf("handshake: %v", err)
				return
			}
			if _, err := fmt.Fprintln(conn, report(conn)); err != nil {
				log.Printf("report: %v", err)
				return
			}
			if _, err := io.Copy(conn, conn); err != nil {
				log.Printf("echo: %v", err)
				return
			}
			// io.Copy ends without an error on close_notify alone.
			if err := conn.Close(); err != nil {
				log.Printf("close: %v", err)
			}
		}()
	}
}

func run(job string) (line string, err error) {
	var times int
	var port, name, rootsFile, payloadFile, min, max, chain, key, alpn string
	_, err = fmt.Sscan(job, &times, &port, &name, &rootsFile, &payloadFile, &min, &max, &chain, &key, &alpn)
	if err != nil {
		return "", err
	}
	roots, err := pool(rootsFile)
	if err != nil {
		return "", err
	}
	payload, err := os.ReadFile(payloadFile)
	if err != nil {
		return "", err
	}
	config := &tls.Config{ServerName: name, RootCAs: roots, MinVersion: version(min), MaxVersion: version(max)}
	if alpn != "-" {
		config.NextProtos = strings.Split(alpn, ",")
	}
	if chain != "-" {
		certificate, err := tls.LoadX509KeyPair(chain, key)
		if err != nil {
			return "", err
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	if times > 1 {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	for ; times > 0; times-- {
		if line, err = connect(port, config, payload); err != nil {
			return "", err
		}
	}
	return line, nil
}

func connect(port string, config *tls.Config, payload []byte) (string, error) {
	socket, err := net.DialTimeout("tcp4", "127.0.0.1:"+port, timeout)
	if err != nil {
		return "", err
	}
	defer socket.Close()
	socket.SetDeadline(time.Now().Add(timeout))
	conn := tls.Client(socket, config)
	if err := conn.Handshake(); err != nil {
		return "", err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(payload)
		sent <- err
	}()
	back := make([]byte, len(payload))
	if _, err := io.ReadFull(conn, back); err != nil {
		return "", fmt.Errorf("reading the echo: %w", err)
	}
	if err := <-sent; err != nil {
		return "", fmt.Errorf("writing: %w", err)
	}
	if !bytes.Equal(back, payload) {
		return "", fmt.Errorf("the echo differs")
	}
	// The server closes first; without close_notify this is io.ErrUnexpectedEOF.
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return "", fmt.Errorf("instead of close_notify: %d bytes, %v", n, err)
	}
	line := report(conn)
	return line, conn.Close()
}

func main() {
	log.SetFlags(0)
	if len(os.Args) == 8 && os.Args[1] == "serve" {
		log.Fatal(serve(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6], os.Args[7]))
	}
	jobs := bufio.NewScanner(os.Stdin)
	for jobs.Scan() {
		line, err := run(jobs.Text())
		if err != nil {
			fmt.Printf("failed %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Printf("ok %s\n", line)
		}
	}
}

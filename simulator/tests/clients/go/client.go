// A conversation in Go: the signer and the frames of the AWS SDK for Go v2, and net/http over HTTP/2.
// usage: client ENDPOINT_URL CA_FILE SECRET_KEY. Prints one JSON object with what was received.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	region      = "us-east-1"
	service     = "bedrock"
	streamPath  = "/model/amazon.nova-2-5-sonic/invoke-with-bidirectional-stream"
	payloadHash = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
)

type object map[string]interface{}

// Sender signs and writes the input events.
type Sender struct {
	mutex  sync.Mutex
	body   *io.PipeWriter
	signer *v4.StreamSigner
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// Send writes each event as a frame, wrapped in a frame with its date and signature.
func (s *Sender) Send(events ...object) {
	for _, event := range events {
		text, err := json.Marshal(object{"event": event})
		check(err)
		payload, err := json.Marshal(object{"bytes": base64.StdEncoding.EncodeToString(text)})
		check(err)
		message := eventstream.Message{Payload: payload}
		message.Headers.Set(":message-type", eventstream.StringValue("event"))
		message.Headers.Set(":event-type", eventstream.StringValue("chunk"))
		message.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		var frame bytes.Buffer
		check(eventstream.NewEncoder().Encode(&frame, message))
		s.write(frame.Bytes())
	}
}

// End writes the signed empty frame that ends the stream.
func (s *Sender) End() {
	s.write(nil)
	check(s.body.Close())
}

func (s *Sender) write(frame []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := time.Now().UTC()
	signed := eventstream.Message{Payload: frame}
	signed.Headers.Set(":date", eventstream.TimestampValue(now))
	var headers bytes.Buffer
	check(eventstream.EncodeHeaders(&headers, signed.Headers))
	signature, err := s.signer.GetSignature(context.Background(), headers.Bytes(), frame, now)
	check(err)
	signed.Headers.Set(":chunk-signature", eventstream.BytesValue(signature))
	// Nobody reads a refused request.
	_ = eventstream.NewEncoder().Encode(s.body, signed)
}

func text(name, role, content string, interactive bool) []object {
	media := object{"mediaType": "text/plain"}
	start := object{"promptName": "prompt", "contentName": name, "type": "TEXT", "interactive": interactive,
		"role": role, "textInputConfiguration": media}
	return []object{
		{"contentStart": start},
		{"textInput": object{"promptName": "prompt", "contentName": name, "content": content}},
		{"contentEnd": object{"promptName": "prompt", "contentName": name}},
	}
}

func result(toolUseID string) []object {
	name := "result-" + toolUseID
	media := object{"mediaType": "text/plain"}
	configuration := object{"toolUseId": toolUseID, "type": "TEXT", "textInputConfiguration": media}
	start := object{"promptName": "prompt", "contentName": name, "type": "TOOL", "role": "TOOL",
		"interactive": false, "toolResultInputConfiguration": configuration}
	content := `{"ok": true, "order": {"id": "1", "statusText": "en camino"}}`
	return []object{
		{"contentStart": start},
		{"toolResult": object{"promptName": "prompt", "contentName": name, "content": content}},
		{"contentEnd": object{"promptName": "prompt", "contentName": name}},
	}
}

func opening() []object {
	schema := `{"type": "object", "properties": {"orderId": {"type": "string"}}}`
	tool := object{"toolSpec": object{"name": "consultarOrder", "description": "Consulta un pedido",
		"inputSchema": object{"json": schema}}}
	audio := object{"mediaType": "audio/lpcm", "sampleRateHertz": 24000, "sampleSizeBits": 16, "channelCount": 1,
		"voiceId": "lupe", "encoding": "base64", "audioType": "SPEECH"}
	microphone := object{"mediaType": "audio/lpcm", "sampleRateHertz": 16000, "sampleSizeBits": 16,
		"channelCount": 1, "encoding": "base64", "audioType": "SPEECH"}
	events := []object{
		{"sessionStart": object{"inferenceConfiguration": object{"maxTokens": 1024, "topP": 0.9, "temperature": 0}}},
		{"promptStart": object{"promptName": "prompt", "textOutputConfiguration": object{"mediaType": "text/plain"},
			"audioOutputConfiguration":   audio,
			"toolUseOutputConfiguration": object{"mediaType": "application/json"},
			"toolConfiguration":          object{"tools": []object{tool}}}},
	}
	events = append(events, text("system", "SYSTEM", "Sos un asistente.", false)...)
	return append(events, object{"contentStart": object{"promptName": "prompt", "contentName": "audio",
		"type": "AUDIO", "interactive": true, "role": "USER", "audioInputConfiguration": microphone}})
}

func sendSilence(sender *Sender, stop <-chan struct{}) {
	silence := base64.StdEncoding.EncodeToString(make([]byte, 1024))
	ticker := time.NewTicker(32 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			sender.Send(object{"audioInput": object{"promptName": "prompt", "contentName": "audio", "content": silence}})
		}
	}
}

func openStream(endpoint, caFile, secret string) (*Sender, *http.Client, *http.Request) {
	pem, err := os.ReadFile(caFile)
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	reader, writer := io.Pipe()
	request, err := http.NewRequest(http.MethodPost, endpoint+streamPath, reader)
	check(err)
	request.Header.Set("Content-Type", "application/vnd.amazon.eventstream")
	request.Header.Set("X-Amz-Content-Sha256", payloadHash)
	credentials := aws.Credentials{AccessKeyID: "local", SecretAccessKey: secret}
	check(v4.NewSigner().SignHTTP(context.Background(), credentials, request, payloadHash, service, region, time.Now().UTC()))
	authorization := request.Header.Get("Authorization")
	seed, err := hex.DecodeString(authorization[strings.Index(authorization, "Signature=")+len("Signature="):])
	check(err)
	return &Sender{body: writer, signer: v4.NewStreamSigner(credentials, service, region, seed)}, client, request
}

func main() {
	sender, client, request := openStream(os.Args[1], os.Args[2], os.Args[3])
	stop := make(chan struct{})
	go func() {
		sender.Send(opening()...)
		sender.Send(text("question", "USER", "Consulta el pedido número 1 con DNI 12345678", true)...)
		sendSilence(sender, stop)
	}()
	found := object{}
	response, err := client.Do(request)
	check(err)
	if response.StatusCode != http.StatusOK {
		found["error"] = strings.SplitN(response.Header.Get("X-Amzn-Errortype"), ":", 2)[0]
	} else {
		converse(response.Body, sender, stop, found)
	}
	check(json.NewEncoder(os.Stdout).Encode(found))
}

func converse(body io.Reader, sender *Sender, stop chan struct{}, found object) {
	decoder, audioBytes := eventstream.NewDecoder(), 0
	for {
		message, err := decoder.Decode(body, nil)
		if err == io.EOF {
			found["ended"], found["audioBytes"] = true, audioBytes
			return
		}
		check(err)
		var chunk struct{ Bytes []byte }
		check(json.Unmarshal(message.Payload, &chunk))
		var output struct {
			Event map[string]map[string]interface{}
		}
		check(json.Unmarshal(chunk.Bytes, &output))
		for name, fields := range output.Event {
			switch {
			case name == "toolUse":
				found["tool"] = fields["toolName"]
				found["arguments"] = fields["content"]
				sender.Send(result(fields["toolUseId"].(string))...)
			case name == "audioOutput":
				if audioBytes == 0 {
					sender.Send(text("stop", "USER", "Esperá, pará", true)...)
				}
				audioBytes += len(fields["content"].(string)) * 3 / 4
			case name == "contentEnd" && fields["stopReason"] == "INTERRUPTED" && found["interrupted"] == nil:
				found["interrupted"] = true
				close(stop)
				sender.Send(
					object{"contentEnd": object{"promptName": "prompt", "contentName": "audio"}},
					object{"promptEnd": object{"promptName": "prompt"}},
					object{"sessionEnd": object{}},
				)
				sender.End()
			}
		}
	}
}

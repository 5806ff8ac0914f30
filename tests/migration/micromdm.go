// Writes databases as MicroMDM does, with bbolt itself, for tests/flow/migration.py and the fuzzer's seeds. The buckets and
// the numbers of the protobuf fields are those of MicroMDM's sources (device.proto, push.proto, config.proto, micromdm/scep).
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run tests/migration/micromdm.go FOLDER
//
// wants golang-go, golang-github-coreos-bbolt-dev and golang-google-protobuf-dev of Debian 12. What it wrote is kept beside
// it, compressed, so that tests need none of these.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/coreos/bbolt"
	"google.golang.org/protobuf/encoding/protowire"
)

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func number(b []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
}

type device struct {
	udid, serial, os, build, product, name string
	enrolled, assigned                     bool
	seen                                   uint64
}

func (d device) marshal(uuid string) []byte {
	b := text(nil, 1, uuid)
	b = text(b, 2, d.udid)
	b = text(b, 3, d.serial)
	b = text(b, 4, d.os)
	b = text(b, 5, d.build)
	b = text(b, 6, d.product)
	b = text(b, 11, "")
	if d.enrolled {
		b = number(b, 13, 1)
	}
	b = text(b, 15, d.name)
	if d.assigned {
		b = number(b, 21, 1)
	}
	b = number(b, 28, d.seen)
	return text(b, 30, "Ym9vdHN0cmFw")
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// One bucket in one transaction, as MicroMDM's stores do.
func put(db *bbolt.DB, bucket string, key, value []byte) {
	must(db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(bucket))
		if err != nil {
			return err
		}
		return b.Put(key, value)
	}))
}

func open(path string, page int) *bbolt.DB {
	os.Remove(path)
	db, err := bbolt.Open(path, 0600, &bbolt.Options{PageSize: page, InitialMmapSize: 1 << 20, NoGrowSync: true})
	must(err)
	db.AllocSize = 32 * 1024
	db.NoSync = true
	return db
}

const topic = "com.apple.mgmt.External.7f2ab6a1-2f1d-4d43-9a7e-0d6f2c1e9b10"

func fill(db *bbolt.DB, devices []device, certificate []byte) {
	for i, d := range devices {
		uuid := fmt.Sprintf("0d6f2c1e-0000-4000-8000-%012d", i)
		put(db, "mdm.Devices", []byte(uuid), d.marshal(uuid))
		put(db, "mdm.DeviceIdx", []byte(d.udid), []byte(uuid))
		put(db, "mdm.DeviceIdx", []byte(d.serial), []byte(uuid))
		sum := sha256.Sum256([]byte("certificate of " + d.udid))
		put(db, "mdm.UDIDCertAuth", []byte(d.udid), sum[:])
		if d.enrolled {
			b := text(nil, 1, d.udid)
			b = text(b, 2, "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00")
			b = text(b, 3, fmt.Sprintf("MAGIC-%d", i))
			put(db, "mdm.PushInfo", []byte(d.udid), text(b, 4, topic))
		}
	}
	config := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), certificate)
	config = protowire.AppendBytes(protowire.AppendTag(config, 2, protowire.BytesType), []byte("-----BEGIN RSA PRIVATE KEY-----\n"))
	put(db, "mdm.ServerConfig", []byte("config"), config)
	put(db, "scep_certificates", []byte("serial"), []byte{2})
}

func main() {
	folder := os.Args[1]
	certificate, err := os.ReadFile(filepath.Join(folder, "push.pem"))
	must(err)
	few := []device{
		{"66ADE930-5FDF-5EC4-8429-15640684C489", "C02MT66KFLHH", "14.5", "23F79", "Mac14,2", "Mac of Eliza", true, false, 1795000000},
		{"00008101-000A11111111001E", "F17TESTPHONE", "14.8", "18H17", "iPhone13,2", "Old phone", true, false, 1795000000},
		{"00008110-000A22222222001E", "F17TESTPAD01", "18.2", "22C152", "iPad14,1", "Pad", true, true, 1795000000},
		{"00008120-000A33333333001E", "F17TESTGONE1", "18.2", "22C152", "iPhone15,2", "Left", false, false, 1700000000},
		{"00008020-000A44444444001E", "F17TESTTV001", "18.2", "22K155", "AppleTV14,1", "Lobby", true, false, 1795000000},
	}
	db := open(filepath.Join(folder, "few.db"), 1024)
	fill(db, few, certificate)
	must(db.Close())

	var many []device // more than a page holds: branches, and values over several pages
	for i := 0; i < 150; i++ {
		many = append(many, device{fmt.Sprintf("00008130-%016X", i), fmt.Sprintf("F17MANY%05d", i), "18.2", "22C152",
			"iPhone17,2", "Phone", true, false, 1795000000})
	}
	db = open(filepath.Join(folder, "many.db"), 0)
	fill(db, many, certificate)
	must(db.Update(func(tx *bbolt.Tx) error { // written over and taken away: pages that hold what is no more
		b := tx.Bucket([]byte("mdm.Devices"))
		for i := 0; i < 150; i += 3 {
			if err := b.Delete([]byte(fmt.Sprintf("0d6f2c1e-0000-4000-8000-%012d", i))); err != nil {
				return err
			}
		}
		long := make([]byte, 20000)
		return tx.Bucket([]byte("mdm.ServerConfig")).Put([]byte("long"), long)
	}))
	must(db.Close())
}
